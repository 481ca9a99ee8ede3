"""The lines of the live tree: one for each step, cut to the terminal's width, and no more than it has room for."""

import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from rich.spinner import Spinner
from rich.text import Text

from slipway_engine.cli.progress.times import exact, so_far
from slipway_engine.events import Span

MARKS = {"done": ("✔", "green"), "cached": ("$", "blue"), "failed": ("✘", "red"), "canceled": ("∅", "yellow")}
SHOWN_LINES, MORE_LINES = 3, 10  # of a running step's output, without and with --verbose
INDENT = 2  # columns for each level, while that leaves most of the line to the names
NARROW = 50  # columns; a narrower terminal has no room for estimates

Kind = Literal["over", "output", "running"]  # what a line is about; the first goes first where there is no room


@dataclass
class Row:
    """A line of the tree."""

    kind: Kind
    text: Text


class Rows:
    """Makes lines of steps."""

    def __init__(self, *, verbose: bool) -> None:
        """Start with the spinner's first frame."""
        self._verbose = verbose
        self._spinner = Spinner("dots" if _is_unicode() else "line", style="cyan")

    def tree(self, spans: Iterable[Span], width: int, time: float) -> list[Row]:
        """Return the whole tree; of steps that are over, what they consisted of is left out."""
        children: dict[int, list[Span]] = {}
        known = {span.number for span in spans}
        for span in spans:
            parent = span.parent.number if span.parent and span.parent.number in known else 0
            children.setdefault(parent, []).append(span)
        frame = self._spinner.render(time)
        mark = frame if isinstance(frame, Text) else Text("*")
        rows: list[Row] = []
        self._add(rows, children, 0, 0, width, mark)
        return rows

    def _add(
        self, rows: list[Row], children: dict[int, list[Span]], number: int, depth: int, width: int, mark: Text
    ) -> None:
        for span in children.get(number, []):
            running = span.ended is None
            indent = min(depth * INDENT, width // 3)
            rows.append(
                Row("running" if running or span.status == "failed" else "over", _line(span, indent, width, mark))
            )
            if running or span.status == "failed" or self._verbose:
                self._add(rows, children, span.number, depth + 1, width, mark)
            if running and not any(child.ended is None for child in children.get(span.number, [])):
                rows += self._tail(span, min(indent + INDENT, width // 3), width)

    def _tail(self, span: Span, indent: int, width: int) -> list[Row]:
        lines = list(span.tail)[-(MORE_LINES if self._verbose else SHOWN_LINES) :]
        return [Row("output", _cut(Text(f"{' ' * indent}│ {line.expandtabs()}", "dim"), width)) for line in lines]


def fit_rows(rows: Sequence[Row], room: int) -> list[Text]:
    """Return the lines that there is room for: what runs matters most, and of the rest what is new."""
    kept, hidden = list(rows), 0
    for kind in ("over", "output", "running"):
        excess = len(kept) + 1 - room if hidden or len(kept) > room else 0
        gone = [index for index, row in enumerate(kept) if row.kind == kind][: max(excess, 0)]
        hidden += sum(kept[index].kind != "output" for index in gone)
        kept = [row for index, row in enumerate(kept) if index not in set(gone)]
    note = [Text(f"… {hidden} more", "dim")] if hidden else []
    return [*note, *(row.text for row in kept)]


def _line(span: Span, indent: int, width: int, spinner: Text) -> Text:
    sign, style = MARKS.get(span.status, ("?", ""))
    mark = spinner.copy() if span.ended is None else Text(sign if _is_unicode() else span.status[0], style)
    time = Text(f" {_time(span, width)}", "dim")
    name = Text.assemble(" " * indent, mark, " ", span.name)
    return _cut(_pad(_cut(name, width - time.cell_len), width - time.cell_len) + time, width)


def _time(span: Span, width: int) -> str:
    if span.status == "cached":
        return "cached"
    return exact(span.seconds) if span.ended is not None or width < NARROW else so_far(span)


def _cut(text: Text, width: int) -> Text:
    text.truncate(max(width, 1), overflow="ellipsis")
    text.no_wrap = True
    return text


def _pad(text: Text, width: int) -> Text:
    text.pad_right(max(width - text.cell_len, 0))
    return text


def _is_unicode() -> bool:
    return "utf" in (sys.stderr.encoding or "").lower()
