"""Shells in the containers of failed steps: `--interactive` and `--interactive-command`."""

import shlex
import sys
from typing import Any

from slipway_engine.cli.options import Options
from slipway_engine.engine import Engine
from slipway_engine.errors import EngineError, ExecFailed

# As with a Dagger engine, whatever the container's own default for `terminal` is.
SHELL = ["/bin/sh"]


async def open_shells(options: Options, engine: Engine, error: Exception | None) -> None:
    """Open a shell at each step that failed, if that was asked for, one after the other, the error's own step first."""
    if not options.interactive:
        return
    from slipway_engine.execution.terminal import require_terminal  # noqa: PLC0415 - the rare case

    failures = _in_order(engine, error)
    try:
        require_terminal()
    except EngineError as problem:
        _tell(f"--interactive: {problem}")
        return
    if not failures:
        _tell("--interactive: no shell was opened, since it was not a step's command that failed")
    for number, failure in enumerate(failures, 1):
        await _open(options, engine, failure, f" ({number} of {len(failures)} that failed)" if failures[1:] else "")


def _in_order(engine: Engine, error: Exception | None) -> list[ExecFailed]:
    told: dict[str, Any] = getattr(error, "extensions", None) or {}

    def another(failure: ExecFailed) -> bool:
        details = engine.secrets.scrub_json(failure.extensions)
        return any(told.get(name) != value for name, value in details.items())

    return sorted(engine.runner.failures, key=another)


async def _open(options: Options, engine: Engine, failure: ExecFailed, which: str) -> None:
    command = engine.secrets.scrub(shlex.join((failure.extensions or {})["cmd"]))
    _tell(f"Opening a shell where this step failed{which}; leave it with `exit`:\n  {command}")
    try:
        await engine.terminals.open(failure.container, options.interactive_command or SHELL, insecure=failure.insecure)
    except EngineError as problem:
        _tell(f"--interactive: {problem}")


def _tell(text: str) -> None:
    sys.stderr.write(f"{text}\n")
    sys.stderr.flush()
