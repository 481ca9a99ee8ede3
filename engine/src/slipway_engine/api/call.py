"""A function's call as its process sees it: the function, its arguments, and the place for the result."""

from dataclasses import dataclass

from slipway_engine.api.base import Object
from slipway_engine.api.context import Context
from slipway_engine.api.error import Error


@dataclass(frozen=True)
class FunctionCallArgValue(Object):
    """An argument of a call; the value is JSON text."""

    name: str
    value: str


@dataclass(frozen=True)
class FunctionCall(Object):
    """A call; without a parent's name, the module shall register its types. `parent` is the object's state, as JSON."""

    name: str
    parent_name: str
    parent: str = "{}"
    input_args: tuple[FunctionCallArgValue, ...] = ()

    def return_value(self, ctx: Context, *, value: str) -> None:
        """Take the function's result, as JSON text."""
        if ctx.call is not None:
            ctx.call.result = value

    def return_error(self, ctx: Context, *, error: Error) -> None:
        """Take the error that the function ended with."""
        if ctx.call is not None:
            ctx.call.error = error.message, {value.name: value.value for value in error.values}
