"""(e) Independent steps at once against one after another."""

from collections.abc import Iterator

from bench.commands import steps
from bench.steps import COUNT
from bench.table import Note, Row


def measure(runs: int) -> Iterator[Row | Note]:
    """Run as many steps both ways, on the same engine."""
    took = steps("many", runs)
    yield Row("e", f"{COUNT} independent steps, at once", [both[0] for both in took], [both[1] for both in took])
    yield Note(
        "e", "the right column is the same engine, one step after another; each keeps a processor busy for 0.2 s"
    )
