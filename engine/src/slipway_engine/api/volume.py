"""The API's CacheVolume."""

from dataclasses import dataclass

from slipway_engine.api.base import Object
from slipway_engine.model.tree import Location


@dataclass(frozen=True)
class CacheVolume(Object):
    """A volume that outlives sessions, by its key."""

    key: str
    start: Location | None = None
    sharing_mode: str = "SHARED"
    owner_name: str = ""
