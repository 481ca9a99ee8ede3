"""The API's Secret."""

from dataclasses import dataclass

from slipway_engine.api.base import Object
from slipway_engine.api.context import Context
from slipway_engine.model import secret


@dataclass(frozen=True)
class Secret(Object, secret.Secret):
    """A value that no output may show."""

    async def plaintext(self, ctx: Context) -> str:
        """Return the value itself."""
        return await ctx.engine.secrets.plaintext(self)
