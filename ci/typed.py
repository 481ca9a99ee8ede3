"""Dagger's decorators with the types that they really have: the SDK's own overloads lose them."""

import inspect
import logging
from collections.abc import Callable
from typing import Any, TypeVar, cast, dataclass_transform

import dagger

from ci.stages.errors import StageFailed
from ci.stages.failing import named


class Untraced(logging.Filter):
    """What a step or a rule says needs no traceback of ours before it; an error that is our mistake does."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Say whether a record is printed."""
        error = record.exc_info[1] if record.exc_info else None
        return not isinstance(error, dagger.QueryError | StageFailed)


logging.getLogger("dagger.mod").addFilter(Untraced())

T = TypeVar("T")
F = TypeVar("F", bound=Callable[..., Any])


def field() -> Any:  # noqa: ANN401 - stands for a value of whatever type the field has
    """Expose an attribute as a field of the object."""
    return dagger.field()


@dataclass_transform(kw_only_default=True, field_specifiers=(field,))
def object_type(cls: type[T]) -> type[T]:
    """Expose a class as an object of the module."""
    exposed: type[T] = dagger.object_type(cls)
    return exposed


def function(method: F) -> F:
    """Expose a method as a function whose results may be served from the cache."""
    return cast("F", dagger.function(_telling(method)))


def live(method: F) -> F:
    """Expose a method as a function that runs at every call: it changes or reads the world outside."""
    return cast("F", dagger.function(cache="never")(_telling(method)))  # type: ignore[call-overload] # the SDK's lack `cache`


def check(method: F) -> F:
    """Let `dagger check` run a function."""
    return cast("F", dagger.check(method))


def _telling(method: F) -> F:
    """Have a function say, when it fails, what failed and what to type next."""
    return cast("F", named(method)) if inspect.iscoroutinefunction(method) else method
