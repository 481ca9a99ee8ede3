"""What people read of a failed step: which stage it is of, what ran, how it ended, and what to type next."""

import functools
import inspect
import os
import re
import shlex
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from contextvars import ContextVar
from typing import Any, ParamSpec, TypeVar

import dagger

from ci.hints import find_hint
from ci.stages.errors import EITHER_COMMAND, StepFailed

P = ParamSpec("P")
T = TypeVar("T")

# How many characters of a command stand on one line.
COMMAND_LENGTH = 100
# What is looked at for a known cause: the end of each output, in lines.
OUTPUT_LINES = 100
# By this, a Dagger engine shows an error where it began; at a terminal there alone, when it has shown all of these.
ORIGIN = re.compile(r"\s*\[traceparent:[0-9a-f]+-[0-9a-f]+\]")


# What was called, as it is typed: the flags of the constructor that are known, and the function with its arguments.
_call: ContextVar[tuple[str, str]] = ContextVar("called", default=("", "FUNCTION"))


@asynccontextmanager
async def stage(call: str = "", *, name: str = "", where: str = "") -> AsyncIterator[None]:
    """Let a failure inside be that of a stage, which `call` runs by itself; empty: the function that was called does.

    Raises:
        StepFailed: A step, or the engine, failed and no stage inside has told of it.
    """
    try:
        yield
    except StepFailed:
        raise
    except dagger.QueryError as error:
        before, function = _call.get()
        # What the engine cannot do at all, no shell shows; and what was typed, nobody has to be told.
        tells = bool(call) or isinstance(error, dagger.ExecError)
        call = call or function
        raise StepFailed(error, _story(error, f"{before}{call}" if tells else "", name or call, where)) from None


def as_stage(function: Callable[P, Awaitable[T]]) -> Callable[P, Awaitable[T]]:
    """Make a function of the pipeline a stage of that name, for what no stage inside tells of."""

    @functools.wraps(function)
    async def run(*args: P.args, **kwargs: P.kwargs) -> T:
        token = _call.set((_overrides(args[0]), _command_line(function, args, kwargs)))
        try:
            async with stage():
                return await function(*args, **kwargs)
        finally:
            _call.reset(token)

    return run


def next_commands(into: str = "", just: str = "") -> list[str]:
    """Return the lines that say what to type."""
    what = {f"to get into it:  ci {into}": into, f"to run just it:  ci {just}": just}
    lines = [f"  {line}" for line, call in what.items() if call]
    return [*lines, f"{'':19}{EITHER_COMMAND}"] if lines else []


def _story(error: dagger.QueryError, call: str, name: str, where: str) -> str:
    origins = ORIGIN.findall(str(error))
    said = ORIGIN.sub("", str(error))
    if isinstance(error, dagger.ExecError):
        lines = _describe_step(error, call, name, where)
        output = f"{_last_lines(error.stdout)}\n{_last_lines(error.stderr)}"
        cause = find_hint(output, exit_code=error.exit_code, memory=_memory(), machine=os.uname().machine)
    else:
        lines = [f"{name} failed: {said}", *next_commands(just=f"call {call}" if call else "")]
        cause = find_hint(said)
    return "\n".join(filter(None, [*lines, cause, _render_origins(origins)]))


def _render_origins(origins: list[str]) -> str:
    """Return where the error began, and that its story began here, so that the story is shown as well, and last."""
    # version-trace-span-flags, as https://www.w3.org/TR/trace-context/ has it.
    here = re.sub(r"^\w+-(\w+-\w+)-\w+$", r" [traceparent:\1]", os.environ.get("TRACEPARENT", ""))
    return ("".join(origins) + here).strip() if origins else ""


def _describe_step(error: dagger.ExecError, call: str, name: str, where: str) -> list[str]:
    command = " ".join(shlex.join(error.command).split())
    shown = command if len(command) <= COMMAND_LENGTH else f"{command[: COMMAND_LENGTH - 1]}…"
    return [
        f"{name} failed: exit code {error.exit_code}",
        f"  what ran:        {shown}",
        *([f"  where:           {where}"] if where else []),
        *next_commands(into=f"call -i {call}", just=f"call {call}"),
    ]


def _memory() -> str:
    size = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return (
        f"a step has no limit but the {size / (1 << 30):.1f} GiB of its machine, which all of them share: let it use "
        "less, end what else runs there, or take a larger machine"
    )


def _last_lines(output: str) -> str:
    return "\n".join(output.splitlines()[-OUTPUT_LINES:])


def _overrides(pipeline: object) -> str:
    return "".join(f"--overrides {shlex.quote(setting)} " for setting in getattr(pipeline, "overrides", []))


def _command_line(function: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> str:
    """Return a function and its arguments as they are typed after `call`; the pipeline's own come with .env."""
    signature = inspect.signature(function)
    bound = signature.bind(*args, **kwargs)
    given = {name: value for name, value in bound.arguments.items() if name != "self"}
    words = [_flag(name, value) for name, value in given.items() if value != signature.parameters[name].default]
    return " ".join(filter(None, [_kebab(function.__name__), *words]))


def _flag(name: str, value: object) -> str:
    match value:
        case bool():
            return f"--{_kebab(name)}" if value else f"--{_kebab(name)}=false"
        case str() | int() | float():
            return f"--{_kebab(name)} {shlex.quote(str(value))}"
        case dagger.Directory():
            # The repository, which nobody names.
            return ""
    return f"--{_kebab(name)} …"


def _kebab(name: str) -> str:
    return name.replace("_", "-")
