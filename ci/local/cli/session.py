"""The frame of every command: an engine, progress, Ctrl-C, errors, and the exit status."""

import asyncio
import contextlib
import os
import signal
import sys
import traceback
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from ci.local.cli import usage_error
from ci.local.cli.options import Options
from ci.local.errors import EngineError, ExecFailed, UsageError

if TYPE_CHECKING:
    from ci.local.cli.progress import Display
    from ci.local.engine import Engine

T = TypeVar("T")
Work = Callable[["Engine", "Display"], Coroutine[Any, Any, int]]  # it stops the display before it prints its result
INTERRUPTED = 128  # plus the signal's number, as shells say it
SHOW_CURSOR = "\033[?25h"  # the live tree hides it


def run(options: Options, work: Work) -> int:
    """Open an engine, do the work, and return the command's exit status."""
    interrupts = Interrupts()
    try:
        return asyncio.run(_guarded(options, work, interrupts))
    except asyncio.CancelledError:
        sys.stderr.write("Canceled.\n")
        return INTERRUPTED + (interrupts.received or signal.SIGINT)


class Interrupts:
    """Ctrl-C and its like: the first cancels the work, so that all is cleaned up; the second one ends it at once."""

    def __init__(self) -> None:
        """Start with none received and nothing to cancel."""
        self.received = 0
        self._work: asyncio.Task[Any] | None = None

    def listen(self) -> None:
        """Begin; until there is other work, the task that asks for it is what an interrupt cancels."""
        self._work = asyncio.current_task()
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            loop.add_signal_handler(number, self._receive, number)

    async def during(self, work: Coroutine[Any, Any, T]) -> T:
        """Do some work, which an interrupt cancels; what cleans up after it goes on to its end."""
        self._work = task = asyncio.ensure_future(work)
        return await task

    def _receive(self, number: int) -> None:
        if self.received:
            sys.stderr.write(SHOW_CURSOR if sys.stderr.isatty() else "")
            sys.stderr.flush()
            os._exit(INTERRUPTED + number)
        self.received = number
        if self._work:
            self._work.cancel()


async def _guarded(options: Options, work: Work, interrupts: Interrupts) -> int:
    from ci.local.cli.progress import shown  # noqa: PLC0415 - so that usage errors come at once
    from ci.local.cli.progress.failure import report  # noqa: PLC0415 - as above
    from ci.local.engine import Engine  # noqa: PLC0415 - as above

    interrupts.listen()
    try:
        async with Engine.open(Path.cwd()) as engine:
            with shown(options, engine.events, engine.secrets) as (display, record):
                try:
                    return await interrupts.during(work(engine, display))
                except UsageError as error:
                    display.stop()
                    return usage_error(error)
                except Exception as error:  # noqa: BLE001 - the one place where a command's errors end
                    display.stop()
                    _trace(options, error)
                    report(error, record.failed, engine.secrets, display.last)
                    await interrupts.during(_debug(options, engine, error, display))
                    return 1
    except EngineError as error:
        sys.stderr.write(f"Error: {error}\n")
        return 1


def _trace(options: Options, error: Exception) -> None:
    if options.debug or not isinstance(error, EngineError):
        traceback.print_exception(error, file=sys.stderr)


async def _debug(options: Options, engine: "Engine", error: BaseException, display: "Display") -> None:
    """Open a shell where the failed step ran, if that was asked for and there is a terminal."""
    failures: list[ExecFailed] = getattr(engine, "failures", [])
    details: dict[str, Any] = getattr(error, "extensions", None) or {}
    # An error that came through a function has more details than the step's own; others may have failed beside it.
    told = (f for f in failures if engine.secrets.scrub_json(f.extensions or {}).items() <= details.items())
    chosen = next(told, failures[0] if failures else None)
    container = getattr(chosen, "container", None)
    if not options.interactive or container is None:
        return
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        sys.stderr.write("--interactive: there is no terminal to open a shell on\n")
        return
    from ci.local.terminal import open_terminal  # noqa: PLC0415 - the rare case

    display.stop()
    sys.stderr.write("Opening a shell in the failed step's container: leave it with `exit`.\n")
    with contextlib.suppress(EngineError):
        await open_terminal(engine, container, None)
