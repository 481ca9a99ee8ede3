"""The frame of every command: an engine, progress, Ctrl-C, errors, and the exit status."""

import asyncio
import os
import signal
import sys
import traceback
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from slipway_engine.cli.options import Options
from slipway_engine.cli.usage import INTERRUPTED, report_error, usage_error
from slipway_engine.errors import UsageError

if TYPE_CHECKING:  # imported when they are used, so that usage errors come at once
    from slipway_engine.cli.progress import Display
    from slipway_engine.engine import Engine

T = TypeVar("T")
Work = Callable[["Engine", "Display"], Coroutine[Any, Any, int]]  # it stops the display before it prints its result
SHOW_CURSOR = "\033[?25h"  # the live tree hides it


def run(options: Options, work: Work) -> int:
    """Open an engine, do the work, and return the command's exit status."""
    if options.trace:
        from slipway_engine.cli.progress.trace import refuse_unwritable  # noqa: PLC0415 - the rare case

        refuse_unwritable(options.trace)
    interrupts = Interrupts()
    try:
        return asyncio.run(_run_guarded(options, work, interrupts))
    except asyncio.CancelledError:
        sys.stderr.write("Canceled.\n")
        return INTERRUPTED + (interrupts.received or signal.SIGINT)


class Interrupts:
    """Signals such as Ctrl-C: the first cancels the work, which then cleans up; the second ends the process at once."""

    def __init__(self) -> None:
        """Start with none received and nothing to cancel."""
        self.received = 0
        self._work: asyncio.Task[Any] | None = None

    def listen(self) -> None:
        """Handle signals from now on; until other work starts, an interrupt cancels the current task."""
        self._work = asyncio.current_task()
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            loop.add_signal_handler(number, self._receive, number)

    async def during(self, work: Coroutine[Any, Any, T]) -> T:
        """Do work that an interrupt cancels; cleaning up after it is not cancelled."""
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


async def _run_guarded(options: Options, work: Work, interrupts: Interrupts) -> int:
    from slipway_engine.cli.patchfile import keep_patches  # noqa: PLC0415 - as above
    from slipway_engine.cli.progress import show_progress  # noqa: PLC0415 - so that usage errors come at once
    from slipway_engine.cli.progress.failure import report  # noqa: PLC0415 - as above
    from slipway_engine.cli.shells import open_shells  # noqa: PLC0415 - as above
    from slipway_engine.engine import Engine  # noqa: PLC0415 - as above

    interrupts.listen()
    if not options.debug:
        # What a task that nobody waits for raises would be shown as a traceback; the command's own failure is shown.
        asyncio.get_running_loop().set_exception_handler(lambda _loop, _context: None)
    shown: Callable[[str], str] = str
    try:
        async with Engine.open(Path.cwd()) as engine:
            shown = engine.secrets.shown
            with (
                keep_patches(options.changes, engine),
                show_progress(options, engine) as (display, record),
            ):
                failure: Exception | None = None
                try:
                    code = await interrupts.during(display.watch(work(engine, display)))
                except BrokenPipeError:  # nobody reads the result any more
                    raise
                except UsageError as error:
                    display.stop()
                    return usage_error(error, shown)
                except Exception as error:  # noqa: BLE001 - the one place where a command's errors end
                    display.stop()
                    if options.debug:
                        sys.stderr.write(shown("".join(traceback.format_exception(error))))
                    report(error, record.failed, engine.secrets, options, display.last)
                    code, failure = 1, error
                if code:
                    display.stop()
                    await interrupts.during(open_shells(options, engine, failure))
                return code
    except UsageError as error:
        return usage_error(error, shown)
    except BrokenPipeError:
        raise
    except Exception as error:  # noqa: BLE001 - what opening and closing the engine raises ends here
        return report_error(error, shown, debug=options.debug)
