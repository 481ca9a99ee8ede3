"""The rows of the table, and how they are render_table."""

import statistics
from collections.abc import Sequence
from dataclasses import dataclass

HEAD = ("", "what is measured", "Slipway", "by hand", "ratio", "wanted")


@dataclass(frozen=True)
class Row:
    """One measurement, in seconds; without `theirs` there is nothing by hand to compare with."""

    letter: str
    what: str
    ours: Sequence[float]
    theirs: Sequence[float] = ()
    wanted: str = ""
    unit: str = "s"

    @property
    def cells(self) -> tuple[str, ...]:
        """The row's texts: medians, with the range where there was more than one run."""
        ratio = f"{statistics.median(self.ours) / statistics.median(self.theirs):.2f}" if self.theirs else ""
        return (
            self.letter,
            self.what,
            _spread(self.ours, self.unit),
            _spread(self.theirs, self.unit),
            ratio,
            self.wanted,
        )


@dataclass(frozen=True)
class Note:
    """What a row's numbers include, or another thing to know about them."""

    letter: str
    text: str


def render_table(rows: Sequence[Row], notes: Sequence[Note]) -> str:
    """Return the table in Markdown, its columns aligned, and the notes below it."""
    cells = [HEAD, *(row.cells for row in rows)]
    widths = [max(len(line[column]) for line in cells) for column in range(len(HEAD))]
    lines = [
        "| " + " | ".join(text.ljust(width) for text, width in zip(line, widths, strict=True)) + " |" for line in cells
    ]
    lines.insert(1, "|" + "|".join("-" * (width + 2) for width in widths) + "|")
    return "\n".join([*lines, "", *(f"({note.letter}) {note.text}" for note in notes)])


def _spread(values: Sequence[float], unit: str) -> str:
    if not values:
        return ""
    digits = 2 if unit == "s" else 0
    middle = f"{statistics.median(values):.{digits}f} {unit}"
    return middle if len(values) == 1 else f"{middle} ({min(values):.{digits}f} to {max(values):.{digits}f})"
