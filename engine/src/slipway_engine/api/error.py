"""Errors as values: what a function that fails returns to the engine."""

from dataclasses import dataclass, replace

from slipway_engine.api.base import Object
from slipway_engine.api.context import Context


@dataclass(frozen=True)
class ErrorValue(Object):
    """One detail of an error; the value is JSON text."""

    name: str
    value: str


@dataclass(frozen=True)
class Error(Object):
    """A message with details."""

    message: str
    values: tuple[ErrorValue, ...] = ()

    def with_value(self, _ctx: Context, *, name: str, value: str) -> "Error":
        """Add a detail."""
        return replace(self, values=(*self.values, ErrorValue(name, value)))
