"""`ci run COMMAND…`: runs a command in a session of the local engine, as `dagger run` does."""

import asyncio
import contextlib
import os
import sys
from typing import TYPE_CHECKING

from slipway_engine.cli import session
from slipway_engine.cli.options import VALUED, Options, scan
from slipway_engine.errors import UsageError

if TYPE_CHECKING:  # imported when they are used, so that usage errors come at once
    from slipway_engine.cli.progress import Display
    from slipway_engine.engine import Engine

USAGE = """\
Run a command in a session of the local engine: DAGGER_SESSION_PORT and DAGGER_SESSION_TOKEN are set for it.

USAGE
  ci run [options] [--] COMMAND [ARGUMENT]...

EXAMPLE
  ci run -- python script.py
"""
GRACE_SECONDS = 10  # between SIGTERM and SIGKILL when the command is to end early


def run(_options: Options | None, arguments: list[str]) -> int:
    """Run a command and return its exit status."""
    own = _own(arguments)
    options, rest = scan(arguments[:own])
    if {"-h", "--help"} & set(rest):
        sys.stdout.write(USAGE)
        return 0
    command = arguments[own:]
    command = command[1:] if command[:1] == ["--"] else command
    if rest or not command:
        raise UsageError(
            f"unknown flag: {rest[0]}" if rest else "ci run: which command? ci run -- COMMAND [ARGUMENT]..."
        )

    async def work(engine: "Engine", _display: "Display") -> int:
        from slipway_engine.api.server import listen  # noqa: PLC0415 - so that usage errors come at once

        async with listen(engine) as endpoint:
            return await _run(command, os.environ | endpoint.environ)

    return session.run(options, work)


def _own(arguments: list[str]) -> int:
    """Return how many arguments are this command's own flags and their values, before the command to run."""
    index = 0
    while index < len(arguments) and arguments[index].startswith("-") and arguments[index] != "--":
        index += 2 if arguments[index] in VALUED else 1
    return min(index, len(arguments))


async def _run(command: list[str], environ: dict[str, str]) -> int:
    try:
        process = await asyncio.create_subprocess_exec(*command, env=environ)
    except OSError as error:
        raise UsageError(f"ci run: {command[0]}: {error.strerror}") from error
    try:
        code = await process.wait()
    except asyncio.CancelledError:
        with contextlib.suppress(ProcessLookupError):
            process.terminate()
        try:
            await asyncio.wait_for(process.wait(), GRACE_SECONDS)
        except TimeoutError:
            process.kill()
        raise
    return code if code >= 0 else 128 - code
