"""The API's Secret."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from slipway_engine import trees
from slipway_engine.api.base import Object

if TYPE_CHECKING:
    from slipway_engine.context import Context


@dataclass(frozen=True)
class Secret(Object, trees.Secret):
    """A value that no output may show."""

    async def plaintext(self, ctx: "Context") -> str:
        """Return the value itself."""
        return await ctx.engine.secrets.plaintext(self)
