"""Shells in the containers of failed steps: `--interactive` and `--interactive-command`."""

import shlex
import sys
from typing import Any

from slipway_engine.cli.options import Options
from slipway_engine.engine import Engine
from slipway_engine.errors import EngineError, ExecFailed

# As a Dagger engine does, even if the container has another default for `terminal`.
SHELL = ["/bin/sh"]


async def open_shells(options: Options, engine: Engine, error: Exception | None) -> None:
    """Open a shell in each failed step if the options ask for it, one after the other, the error's step first."""
    if not options.interactive:
        return
    from slipway_engine.execution.terminal import require_terminal  # noqa: PLC0415 - the rare case

    failures = _in_order(engine, error)
    try:
        require_terminal()
    except EngineError as problem:
        _print(f"--interactive: {problem}")
        return
    if not failures:
        _print("--interactive: no shell was opened, since it was not a step's command that failed")
    for number, failure in enumerate(failures, 1):
        await _open(options, engine, failure, f" ({number} of {len(failures)} that failed)" if failures[1:] else "")


def _in_order(engine: Engine, error: Exception | None) -> list[ExecFailed]:
    details: dict[str, Any] = getattr(error, "extensions", None) or {}

    def is_another(failure: ExecFailed) -> bool:
        own = engine.secrets.shown_details(failure.extensions or {})
        return any(details.get(name) != value for name, value in own.items())

    return sorted(engine.runner.failures, key=is_another)


async def _open(options: Options, engine: Engine, failure: ExecFailed, which: str) -> None:
    command = engine.secrets.shown(shlex.join((failure.extensions or {})["cmd"]))
    _print(f"Opening a shell where this step failed{which}; leave it with `exit`:\n  {command}")
    try:
        await engine.terminals.open(failure.container, options.interactive_command or SHELL, insecure=failure.insecure)
    except EngineError as problem:
        _print(f"--interactive: {problem}")


def _print(text: str) -> None:
    sys.stderr.write(f"{text}\n")
    sys.stderr.flush()
