"""Showing on the standard error what an engine does, and writing it down."""

import asyncio
import contextlib
import os
import sys
from collections.abc import Coroutine, Iterator
from typing import Any

from slipway_engine.cli.options import Options
from slipway_engine.cli.progress.estimates import Estimates
from slipway_engine.cli.progress.totals import Totals
from slipway_engine.cli.progress.traces import Untraced
from slipway_engine.cli.progress.view import View
from slipway_engine.engine import Engine
from slipway_engine.events import Listener, Span, Status


class Record(View):
    """The spans that failed, in the order in which they did."""

    def __init__(self) -> None:
        """Start with none."""
        self.failed: list[Span] = []

    def ended(self, span: Span) -> None:
        """Remember a failure."""
        if span.status == "failed":
            self.failed.append(span)


class Display:
    """What a command knows of the way in which progress is shown."""

    def __init__(self, view: View, totals: Totals, *, tells: bool) -> None:
        """Show in one way, and at the end tell the totals, if they are wanted."""
        self._view, self._totals, self._tells = view, totals, tells
        self.outcome: Status = "running"

    async def watch(self, work: Coroutine[Any, Any, int]) -> int:
        """Do a command's work and return its exit status; note how it ended."""
        self.outcome = "failed"
        try:
            status = await work
        except asyncio.CancelledError:
            self.outcome = "canceled"
            raise
        self.outcome = "failed" if status else "done"
        return status

    @property
    def last(self) -> Span | None:
        """The step whose output stands at the bottom of the screen, if any does."""
        return self._view.last

    def stop(self) -> None:
        """Show the final state, the first time with the totals under it, and leave the terminal for good."""
        self._view.stop()
        self._totals.close()
        if self._tells and self._totals.steps:
            sys.stderr.write(f"{self._totals}\n")
            sys.stderr.flush()
        self._tells = False


@contextlib.contextmanager
def shown(options: Options, engine: Engine) -> Iterator[tuple[Display, Record]]:
    """Show what happens while the block runs, record what failed, and write the trace if one is wanted."""
    view, record, totals = _view(options), Record(), Totals()
    estimates = Estimates(engine.store, str(engine.workdir))
    told: list[Listener] = [estimates, totals, record, view if options.verbose or options.debug else Untraced(view)]
    display = Display(view, totals, tells=not options.quiet)
    engine.events.listeners += told
    try:
        with _traced(options, engine, display, totals):
            try:
                yield display, record
            finally:
                display.stop()
    finally:
        estimates.stop()
        for listener in told:
            engine.events.listeners.remove(listener)


@contextlib.contextmanager
def _traced(options: Options, engine: Engine, display: Display, totals: Totals) -> Iterator[None]:
    if options.trace is None:
        yield
        return
    from slipway_engine.cli.progress.trace import traced  # noqa: PLC0415 - where it is used

    with traced(options.trace, engine, totals, lambda: display.outcome):
        yield


def _view(options: Options) -> View:
    if options.quiet:
        return View()
    if options.progress == "tty" or (options.progress == "auto" and _terminal()):
        from slipway_engine.cli.progress.live import Live  # noqa: PLC0415 - rich, where it is used

        return Live(verbose=options.verbose)
    if options.progress == "dots":
        from slipway_engine.cli.progress.dots import Dots  # noqa: PLC0415 - where it is used

        return Dots()
    if os.environ.get("GITHUB_ACTIONS") == "true":
        from slipway_engine.cli.progress.github import Github  # noqa: PLC0415 - where it is used

        return Github()
    from slipway_engine.cli.progress.plain import Plain  # noqa: PLC0415 - where it is used

    return Plain()


def _terminal() -> bool:
    return sys.stderr.isatty() and os.environ.get("TERM", "") not in {"", "dumb"}
