"""Progress of a run: shown on the standard error, recorded, and remembered for estimates."""

import asyncio
import contextlib
import os
import sys
from collections.abc import Callable, Coroutine, Iterator
from typing import Any

from slipway_engine.cli.options import Options
from slipway_engine.cli.progress.estimates import Estimates
from slipway_engine.cli.progress.totals import Totals
from slipway_engine.cli.progress.tracebacks import TracebackFilter
from slipway_engine.cli.progress.view import View
from slipway_engine.engine import Engine
from slipway_engine.environment import CACHE_BYTES
from slipway_engine.events import Listener, Span, Status
from slipway_engine.model.sizes import count, human

MOST_NAMED = 3  # files in a note


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
    """A command's handle on the progress display."""

    def __init__(self, view: View, totals: Totals, note: Callable[[], str], *, shows_totals: bool) -> None:
        """Show progress in a view; at the end, print the totals and a note if `shows_totals`."""
        self._view, self._totals, self._note, self._shows_totals = view, totals, note, shows_totals
        self.outcome: Status = "running"

    async def watch(self, work: Coroutine[Any, Any, int]) -> int:
        """Do a command's work and return its exit status; remember the outcome."""
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
        """The step whose output is at the bottom of the screen, if there is one."""
        return self._view.last

    def stop(self) -> None:
        """Show the final state, the first time with the totals below it, and release the terminal."""
        self._view.stop()
        self._totals.close()
        if self._shows_totals and self._totals.steps:
            sys.stderr.write(f"{self._totals}\n{self._note()}")
            sys.stderr.flush()
        self._shows_totals = False


@contextlib.contextmanager
def show_progress(options: Options, engine: Engine) -> Iterator[tuple[Display, Record]]:
    """Show progress while the block runs, record failed spans, and write the trace if the options ask for one."""
    view, record, totals = _view(options), Record(), Totals()
    estimates = Estimates(engine.store, str(engine.workdir))
    shown = view if options.verbose or options.debug else TracebackFilter(view)
    listeners: list[Listener] = [estimates, totals, record, shown]
    display = Display(view, totals, lambda: _note_large(engine) + _note_evicted(engine), shows_totals=not options.quiet)
    engine.events.listeners += listeners
    try:
        with _trace(options, engine, display, totals):
            try:
                yield display, record
            finally:
                display.stop()
    finally:
        estimates.stop()
        for listener in listeners:
            engine.events.listeners.remove(listener)


def _note_large(engine: Engine) -> str:
    """Return a line about the files that make each copy of a folder take long."""
    large = sorted(engine.uploads.large.items(), key=lambda item: -item[1])
    if not large:
        return ""
    names = ", ".join(f"{path} ({human(size)})" for path, size in large[:MOST_NAMED])
    more = f" and {len(large) - MOST_NAMED} more" if len(large) > MOST_NAMED else ""
    return f"This run read {names}{more}: keep large files that no function needs in another folder\n"


def _note_evicted(engine: Engine) -> str:
    """Return a line about the steps that this run made again, since the cache's limit had removed them."""
    evicted = engine.daemon.results.evicted
    if not evicted:
        return ""
    limit, size = human(engine.environment.cache_bytes), human(sum(evicted.values()))
    what = f"made {count(len(evicted), 'step')} again ({size}) that the cache's limit of {limit} had removed"
    return f"This run {what}: raise {CACHE_BYTES}, for example to {human(2 * engine.environment.cache_bytes)}\n"


@contextlib.contextmanager
def _trace(options: Options, engine: Engine, display: Display, totals: Totals) -> Iterator[None]:
    if options.trace is None:
        yield
        return
    from slipway_engine.cli.progress.trace import write_trace  # noqa: PLC0415 - where it is used

    with write_trace(options.trace, engine, totals, lambda: display.outcome):
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
