"""The API's CacheVolume."""

from dataclasses import dataclass

from ci.local.api.base import Object
from ci.local.trees import Location


@dataclass(frozen=True)
class CacheVolume(Object):
    """A volume that outlives sessions, by its key."""

    key: str
    start: Location | None = None
    sharing_mode: str = "SHARED"
    owner_name: str = ""
