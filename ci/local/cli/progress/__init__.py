"""Showing on the standard error what an engine does."""

import contextlib
import os
import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING, Protocol

from ci.local.cli.options import Options
from ci.local.cli.progress.traces import Untraced
from ci.local.events import Events, Listener, Span

if TYPE_CHECKING:
    from ci.local.secrets import Secrets


class Display(Listener, Protocol):
    """A way to show progress."""

    last: Span | None  # the step whose output stands at the bottom of the screen, if any does

    def stop(self) -> None:
        """Show the final state and leave the terminal for good."""


class Quiet:
    """Shows nothing."""

    last: Span | None = None

    def started(self, span: Span) -> None:
        """Show nothing."""

    def logged(self, span: Span, line: str) -> None:
        """Show nothing."""

    def ended(self, span: Span) -> None:
        """Show nothing."""

    def pause(self) -> None:
        """Have nothing to leave."""

    def resume(self) -> None:
        """Have nothing to go on with."""

    def stop(self) -> None:
        """Have nothing to finish."""


class Record:
    """The spans that failed, in the order in which they did."""

    def __init__(self) -> None:
        """Start with none."""
        self.failed: list[Span] = []

    def started(self, span: Span) -> None:
        """Ignore it."""

    def logged(self, span: Span, line: str) -> None:
        """Ignore it."""

    def ended(self, span: Span) -> None:
        """Remember a failure."""
        if span.status == "failed":
            self.failed.append(span)

    def pause(self) -> None:
        """Ignore it."""

    def resume(self) -> None:
        """Ignore it."""


@contextlib.contextmanager
def shown(options: Options, events: Events, secrets: "Secrets") -> Iterator[tuple[Display, Record]]:
    """Show what happens while the block runs, and record what failed."""
    display, record = _display(options, secrets), Record()
    told: list[Listener] = [display if options.verbose or options.debug else Untraced(display), record]
    events.listeners += told
    try:
        yield display, record
    finally:
        display.stop()
        for listener in told:
            events.listeners.remove(listener)


def _display(options: Options, secrets: "Secrets") -> Display:
    if options.quiet:
        return Quiet()
    if options.progress == "tty" or (options.progress == "auto" and _terminal()):
        from ci.local.cli.progress.live import Live  # noqa: PLC0415 - rich, where it is used

        return Live(secrets.scrub, verbose=options.verbose)
    if options.progress == "dots":
        from ci.local.cli.progress.dots import Dots  # noqa: PLC0415 - where it is used

        return Dots()
    from ci.local.cli.progress.plain import Plain  # noqa: PLC0415 - where it is used

    return Plain()


def _terminal() -> bool:
    return sys.stderr.isatty() and os.environ.get("TERM", "") not in {"", "dumb"}
