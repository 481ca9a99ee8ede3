"""The message of a failed step: its stage, its command, how it ended, and the next commands."""

import functools
import inspect
import os
import re
import shlex
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from contextvars import ContextVar
from typing import Any, ParamSpec, TypeVar

import dagger

from ci.hints import find_hint
from ci.stages.errors import EITHER_COMMAND, StepFailed

P = ParamSpec("P")
T = TypeVar("T")

# The longest command that is shown, in characters.
COMMAND_LENGTH = 100
# How many of the last lines of each output are searched for a known failure.
OUTPUT_LINES = 100
# A Dagger engine shows an error at the span that this marker names. A terminal shows the error only there, once it
# has shown all of the error's markers.
ORIGIN = re.compile(r"\s*\[traceparent:[0-9a-f]+-[0-9a-f]+\]")


# The call as people type it: the constructor's flags, and the function with its arguments.
_call: ContextVar[tuple[str, str]] = ContextVar("called", default=("", "FUNCTION"))


@asynccontextmanager
async def stage(call: str = "", *, name: str = "", where: str = "") -> AsyncIterator[None]:
    """Report a failure of the body as this stage's; `call` runs the stage alone (empty: the called function does).

    Raises:
        StepFailed: A step, or the engine, failed, and no stage inside the body reported the failure.
    """
    try:
        yield
    except StepFailed:
        raise
    except dagger.QueryError as error:
        before, function = _call.get()
        # A shell does not help where the engine failed, and people know the command that they just typed.
        has_command = bool(call) or isinstance(error, dagger.ExecError)
        call = call or function
        raise StepFailed(error, _story(error, f"{before}{call}" if has_command else "", name or call, where)) from None


def failed_together(
    errors: Mapping[str, dagger.ExecError], lines: Sequence[str], *, call: str, where: str
) -> StepFailed:
    """Return one error for several failed steps, by their names; `lines` come first, and `call` runs all of them."""
    call = f"{_call.get()[0]}{call}"
    steps = [line for name, error in errors.items() for line in _describe_step(error, name, where)]
    hint = next(filter(None, map(_hint, errors.values())), "")
    origins = [origin for error in errors.values() for origin in ORIGIN.findall(str(error))]
    story = [*([*lines, ""] if lines else []), *steps, *_step_commands(call), hint, _render_origins(origins)]
    return StepFailed(next(iter(errors.values())), "\n".join(story).rstrip())


def as_stage(function: Callable[P, Awaitable[T]]) -> Callable[P, Awaitable[T]]:
    """Make a function a stage of its own name, for failures that no stage inside the function reports."""

    @functools.wraps(function)
    async def run(*args: P.args, **kwargs: P.kwargs) -> T:
        token = _call.set((_overrides(args[0]), _command_line(function, args, kwargs)))
        try:
            async with stage():
                return await function(*args, **kwargs)
        finally:
            _call.reset(token)

    return run


def next_commands(terminal: str = "", alone: str = "") -> list[str]:
    """Return the lines with the next commands: one that opens a shell, and one that runs the stage alone."""
    what = {f"open a shell:    ci {terminal}": terminal, f"run it alone:    ci {alone}": alone}
    lines = [f"  {line}" for line, call in what.items() if call]
    return [*lines, f"{'':19}{EITHER_COMMAND}"] if lines else []


def _story(error: dagger.QueryError, call: str, name: str, where: str) -> str:
    origins = ORIGIN.findall(str(error))
    message = ORIGIN.sub("", str(error))
    if isinstance(error, dagger.ExecError):
        lines = [*_describe_step(error, name, where), *_step_commands(call)]
        hint = _hint(error)
    else:
        lines = [f"{name} failed: {message}", *next_commands(alone=f"call {call}" if call else "")]
        hint = find_hint(message)
    return "\n".join(filter(None, [*lines, hint, _render_origins(origins)]))


def _render_origins(origins: list[str]) -> str:
    """Return the markers of the error's origins and of this function, so that a terminal shows this message last."""
    # version-trace-span-flags, as https://www.w3.org/TR/trace-context/ has it.
    here = re.sub(r"^\w+-(\w+-\w+)-\w+$", r" [traceparent:\1]", os.environ.get("TRACEPARENT", ""))
    return ("".join(origins) + here).strip() if origins else ""


def _hint(error: dagger.ExecError) -> str:
    output = f"{_last_lines(error.stdout)}\n{_last_lines(error.stderr)}"
    return find_hint(output, exit_code=error.exit_code, memory=_memory(), machine=os.uname().machine)


def _step_commands(call: str) -> list[str]:
    return next_commands(terminal=f"call -i {call}", alone=f"call {call}")


def _describe_step(error: dagger.ExecError, name: str, where: str) -> list[str]:
    command = " ".join(shlex.join(error.command).split())
    shown = command if len(command) <= COMMAND_LENGTH else f"{command[: COMMAND_LENGTH - 1]}…"
    return [
        f"{name} failed: exit code {error.exit_code}",
        f"  what ran:        {shown}",
        *([f"  where:           {where}"] if where else []),
    ]


def _memory() -> str:
    size = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return (
        f"all steps share the {size / (1 << 30):.1f} GiB of its machine: let the step use less, stop other programs "
        "there, or take a larger machine"
    )


def _last_lines(output: str) -> str:
    return "\n".join(output.splitlines()[-OUTPUT_LINES:])


def _overrides(pipeline: object) -> str:
    return "".join(f"--overrides {shlex.quote(setting)} " for setting in getattr(pipeline, "overrides", []))


def _command_line(function: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> str:
    """Return a function and its arguments as people type them after `call`; .env holds the constructor's."""
    signature = inspect.signature(function)
    bound = signature.bind(*args, **kwargs)
    given = {name: value for name, value in bound.arguments.items() if name != "self"}
    flags = [_flag(name, value) for name, value in given.items() if value != signature.parameters[name].default]
    return " ".join(filter(None, [_kebab(function.__name__), *flags]))


def _flag(name: str, value: object) -> str:
    match value:
        case bool():
            return f"--{_kebab(name)}" if value else f"--{_kebab(name)}=false"
        case str() | int() | float():
            return f"--{_kebab(name)} {shlex.quote(str(value))}"
        case dagger.Directory():
            # The repository: a default of the function.
            return ""
    return f"--{_kebab(name)} …"


def _kebab(name: str) -> str:
    return name.replace("_", "-")
