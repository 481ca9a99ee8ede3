"""Arguments of functions: checked before a request is made of them, and named as people type them."""

import math
from collections.abc import Awaitable, Callable
from functools import wraps
from typing import ParamSpec, TypeVar

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from ci.agent.protocol.requests import LONGEST, Request
from ci.settings.problems import ALLOWED
from ci.stages.errors import Refused

P = ParamSpec("P")
T = TypeVar("T")

HOUR = 3600
SENTENCES = {**ALLOWED, "string_pattern_mismatch": "must match {pattern}"}
# The flags of a request's fields that have another name.
FLAGS = {"environment": "env", "seconds": "hours"}


def seconds_of(hours: float, *, or_zero: bool = False) -> float:
    """Return the seconds of `--hours`.

    Raises:
        Refused: It is no time: infinite, negative, longer than ten years, or zero unless `or_zero`.
    """
    seconds = hours * HOUR
    if not math.isfinite(hours) or not (0 <= seconds <= LONGEST) or (not seconds and not or_zero):
        least = "at least 0" if or_zero else "more than 0"
        raise Refused(f"--hours: must be {least}, and at most {LONGEST // HOUR} (is {hours:g})")
    return seconds


def name_flags(function: Callable[P, Awaitable[T]]) -> Callable[P, Awaitable[T]]:
    """Name the flag of each argument that a request does not accept."""

    @wraps(function)
    async def run(*args: P.args, **kwargs: P.kwargs) -> T:
        try:
            return await function(*args, **kwargs)
        except ValidationError as error:
            if error.title not in {kind.__name__ for kind in _kinds(Request)}:
                raise
            raise Refused("\n".join(_sentence(detail) for detail in error.errors())) from error

    return run


def _kinds(kind: type[Request]) -> list[type[Request]]:
    return [kind, *(below for child in kind.__subclasses__() for below in _kinds(child))]


def _sentence(detail: ErrorDetails) -> str:
    field = str(next(iter(detail["loc"]), ""))
    flag = FLAGS.get(field, field.replace("_", "-"))
    what = SENTENCES.get(detail["type"], "").format_map(detail.get("ctx", {})) or detail["msg"]
    return f"--{flag}: {what} (is {detail['input']})"
