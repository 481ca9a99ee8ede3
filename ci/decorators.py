"""Dagger's decorators with complete types: the SDK's own overloads lose them."""

import dataclasses
import inspect
import logging
from collections.abc import Callable
from typing import Annotated, Any, TypeVar, cast, dataclass_transform

import dagger

from ci.stages.arguments import name_flags
from ci.stages.errors import StageFailed
from ci.stages.failure import as_stage


class WithoutTraceback(logging.Filter):
    """Hide the traceback of an expected error; an unexpected one keeps it."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Return whether a record is printed."""
        error = record.exc_info[1] if record.exc_info else None
        return not isinstance(error, dagger.QueryError | StageFailed)


logging.getLogger("dagger.mod").addFilter(WithoutTraceback())

DESCRIPTION = "description"

T = TypeVar("T")
F = TypeVar("F", bound=Callable[..., Any])


def field(description: str) -> Any:  # noqa: ANN401 - a value of the field's type, which can be any
    """Expose an attribute as a field of the object, with a description for `--help`."""
    exposed = dagger.field()
    exposed.metadata = {**exposed.metadata, DESCRIPTION: description}
    return exposed


@dataclass_transform(kw_only_default=True, field_specifiers=(field,))
def object_type(cls: type[T]) -> type[T]:
    """Expose a class as an object of the module."""
    for name, annotation in vars(cls).get("__annotations__", {}).items():
        attribute = vars(cls).get(name)
        if isinstance(attribute, dataclasses.Field) and DESCRIPTION in attribute.metadata:
            cls.__annotations__[name] = Annotated[annotation, dagger.Doc(attribute.metadata[DESCRIPTION])]
    exposed: type[T] = dagger.object_type(cls)
    return exposed


def function(method: F) -> F:
    """Expose a method as a function whose results may come from the cache."""
    return cast("F", dagger.function(_wrap_in_stage(method)))


def uncached(method: F) -> F:
    """Expose a method as a function that runs at every call: it changes or reads the outside world."""
    return _expose_uncached(method, None)


class uncached_as:  # noqa: N801 - a decorator
    """Like `uncached`, under another name than the method's: a method named `set` or `list` would hide Python's."""

    def __init__(self, name: str) -> None:
        """Set the function's name."""
        self._name = name

    def __call__(self, method: F) -> F:
        """Expose a method under the name."""
        return _expose_uncached(method, self._name)


def check(method: F) -> F:
    """Mark a function for `dagger check`."""
    return cast("F", dagger.check(method))


def _wrap_in_stage(method: F) -> F:
    """Wrap a function, so that its error names what failed and the next commands."""
    return cast("F", as_stage(name_flags(method))) if inspect.iscoroutinefunction(method) else method


def _expose_uncached(method: F, name: str | None) -> F:
    expose = dagger.function(name=name, cache="never")  # type: ignore[call-overload] # the SDK's overloads lack `cache`
    return cast("F", expose(_wrap_in_stage(method)))
