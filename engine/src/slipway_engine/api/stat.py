"""The API's Stat: what a path is."""

import posixpath
from dataclasses import dataclass

from slipway_engine.api.base import Object
from slipway_engine.api.context import Context
from slipway_engine.errors import EngineError
from slipway_engine.model.tree import Location

TYPES = {"d": "DIRECTORY", "f": "REGULAR", "l": "SYMLINK"}


@dataclass(frozen=True)
class Stat(Object):
    """A path's description; the attributes have the names of the API's fields."""

    name: str
    size: int
    permissions: int
    file_type: str

    @classmethod
    async def of(cls, ctx: Context, location: Location, *, follow: bool) -> "Stat":
        """Describe a path; raises EngineError when it is not there."""
        found = await ctx.engine.trees.stat(location, follow=follow)
        if found is None:
            raise EngineError(f"stat {location.path}: no such file or directory")
        kind, mode, size = found
        return cls(posixpath.basename(location.path.rstrip("/")), size, mode, TYPES[kind])

    @classmethod
    async def matches(cls, ctx: Context, location: Location, expected: str | None, *, follow: bool) -> bool:
        """Return whether a path is there and of the expected type, if one is given."""
        follow = follow and expected != "SYMLINK_TYPE"
        found = await ctx.engine.trees.stat(location, follow=follow)
        if found is None:
            return False
        return expected is None or TYPES[found[0]] == expected.removesuffix("_TYPE")
