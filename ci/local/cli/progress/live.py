"""A live tree on a terminal: what runs, what was cached, how long each step took, and the last lines of what runs."""

import sys
from collections import deque
from collections.abc import Callable

from rich.console import Console, Group, RenderableType
from rich.live import Live as RichLive
from rich.spinner import Spinner
from rich.table import Table
from rich.text import Text

from ci.local.events import Span

MARKS = {"done": ("✔", "green"), "cached": ("$", "blue"), "failed": ("✘", "red"), "canceled": ("∅", "yellow")}
SHOWN_LINES, MORE_LINES = 3, 10  # of a running step's output, without and with --verbose
KEPT = 200  # finished steps that stay in the final tree
REFRESHES = 10  # per second


class Live:
    """The tree while the engine works; when it stops, the finished tree stays on the screen."""

    last: Span | None = None

    def __init__(self, scrub: Callable[[str], str], *, verbose: bool) -> None:
        """Start with an empty tree; the terminal is touched when the first step starts."""
        self._scrub = scrub
        self._verbose = verbose
        self._spans: deque[Span] = deque(maxlen=KEPT)
        self._spinner = Spinner("dots", style="cyan")
        self._console = Console(file=sys.stderr, highlight=False)
        self._live: RichLive | None = None
        self._away = self._over = False

    def started(self, span: Span) -> None:
        """Add it to the tree."""
        self._spans.append(span)
        self._show()

    def logged(self, span: Span, line: str) -> None:
        """Leave it to the next refresh."""

    def ended(self, span: Span) -> None:
        """Leave it to the next refresh."""

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
        children: dict[int, list[Span]] = {}
        known = {span.number for span in self._spans}
        for span in list(self._spans):
            parent = span.parent.number if span.parent and span.parent.number in known else 0
            children.setdefault(parent, []).append(span)
        rows: list[RenderableType] = []
        self._add(rows, children, 0, 0)
        room = max(self._console.size.height - 1, 3)
        return Group(*(rows if self._over or len(rows) <= room else rows[-room:]))

    def _add(self, rows: list[RenderableType], children: dict[int, list[Span]], number: int, depth: int) -> None:
        for span in children.get(number, []):
            inner = children.get(span.number, [])
            rows.append(self._line(span, depth))
            if span.ended is None or span.status == "failed" or self._verbose:
                self._add(rows, children, span.number, depth + 1)
            if span.ended is None and not any(child.ended is None for child in inner):
                rows += self._tail(span, depth)

    def _line(self, span: Span, depth: int) -> RenderableType:
        row = Table.grid(padding=(0, 1))
        row.add_column(no_wrap=True)
        row.add_column(no_wrap=True, overflow="ellipsis", ratio=1)
        row.add_column(no_wrap=True)
        if span.ended is None:
            mark: RenderableType = self._spinner
        else:
            sign, style = MARKS.get(span.status, ("?", ""))
            mark = Text(sign, style)
        row.add_row(
            Group(mark) if not depth else _indented(mark, depth),
            Text(self._scrub(span.name).partition("\n")[0]),
            Text("cached" if span.status == "cached" else f"{span.seconds:.1f}s", "dim"),
        )
        return row

    def _tail(self, span: Span, depth: int) -> list[RenderableType]:
        lines = list(span.tail)[-(MORE_LINES if self._verbose else SHOWN_LINES) :]
        indent = "  " * (depth + 1)
        return [Text(f"{indent}│ {line}", "dim", no_wrap=True, overflow="ellipsis") for line in lines]


def _indented(mark: RenderableType, depth: int) -> RenderableType:
    row = Table.grid()
    row.add_row(Text("  " * depth), mark)
    return row
