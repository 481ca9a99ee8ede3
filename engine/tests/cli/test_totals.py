"""The last line of a run."""

import pytest

from slipway_engine.cli.progress.totals import Totals
from slipway_engine.events import Span


@pytest.mark.parametrize(
    ("usual", "expected"),
    [
        ((0.4, 0.7), "; the cache saved at least 1.1s of work"),
        ((0.1, 0.2), ""),
        ((None, None), ""),
    ],
)
def test_totals_report_what_the_cache_saved(usual: tuple[float | None, ...], expected: str) -> None:
    totals = Totals()
    for number, seconds in enumerate(usual):
        totals.ended(Span(number, "step", None, status="cached", usual=seconds))
    totals.ended(Span(9, "step", None, status="done"))
    line = str(totals)
    assert line.startswith("3 steps, 2 cached (67 %), ")
    assert line.endswith(f"s{expected}")
