"""A live tree on a terminal: what runs, what was cached, how long each step took, and the last lines of what runs."""

import sys

from rich.console import Console, Group, RenderableType
from rich.live import Live as RichLive

from slipway_engine.cli.progress.rows import Rows, fit_rows
from slipway_engine.cli.progress.view import View
from slipway_engine.events import Span

KEPT = 200  # steps that stay in the tree, unless more than that run
REFRESHES = 10  # per second
MARGIN = 3  # columns


class Live(View):
    """The tree while the engine works; when it stops, the finished tree stays on the screen."""

    def __init__(self, *, verbose: bool) -> None:
        """Start with an empty tree; the terminal is touched when the first step starts."""
        self._rows = Rows(verbose=verbose)
        self._spans: list[Span] = []
        self._console = Console(file=sys.stderr, highlight=False)
        self._live: RichLive | None = None
        self._away = self._over = False

    def started(self, span: Span) -> None:
        """Add it to the tree."""
        self._spans.append(span)
        self._forget()
        self._show()

    def pause(self) -> None:
        """Take the tree off the screen."""
        self._away = True
        if self._live:
            self._live.transient = True
            self._live.stop()
            self._live = None

    def resume(self) -> None:
        """Bring the tree back."""
        self._away = self._over
        if self._spans:
            self._show()

    def stop(self) -> None:
        """Draw the tree for the last time and give the terminal back."""
        self._away = self._over = True
        if self._live:
            self._live.stop()
            self._live = None

    def _forget(self) -> None:
        """Leave out the step that ended first, where there are too many; what they are part of ends after them."""
        ended = [span for span in self._spans if span.ended is not None and span.status != "failed"]
        if len(self._spans) > KEPT and ended:
            self._spans.remove(min(ended, key=lambda span: span.ended or 0))

    def _show(self) -> None:
        if self._live is None and not self._away:
            self._live = RichLive(
                console=self._console,
                get_renderable=self._render,
                refresh_per_second=REFRESHES,
                redirect_stdout=False,
                redirect_stderr=False,
            )
            self._live.start()

    def _render(self) -> RenderableType:
        width, height = self._console.size
        # The terminal itself writes ^C behind the last line, which must not begin a new one.
        rows = self._rows.tree(list(self._spans), max(width - MARGIN, 1), self._console.get_time())
        return Group(*([row.text for row in rows] if self._over else fit_rows(rows, max(height - 1, 3))))
