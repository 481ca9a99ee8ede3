"""Functions' return values, made of views of the ledger."""

from datetime import UTC, datetime

from ci.ledger.views import HistoryLine
from ci.results.releases import LedgerLine


def test_line_of_the_history_names_its_actor() -> None:
    line = HistoryLine(
        id="r1",
        at=datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC),
        kind="build",
        actor="lead",
        signed=False,
        environment="",
        version="1.4.2",
        digest="sha256:1",
        text="1.4.2 built",
    )
    shown = LedgerLine.of(line)
    assert (shown.record, shown.at, shown.by, shown.version) == ("r1", "2026-01-02T03:04:05Z", "lead", "1.4.2")
    assert str(shown) == "2026-01-02T03:04:05Z 1.4.2 built (unsigned)"
