"""The data of the page: every step of a run, when it ran, and why it took that long."""

import shlex
import sys
import time
from datetime import UTC, datetime
from typing import Any

from slipway_engine.cli.progress.totals import Totals
from slipway_engine.cli.progress.trace.shares import Work, critical_path
from slipway_engine.cli.progress.view import View
from slipway_engine.events import TAIL_LINES, Span, Status

RUN = 0  # the number under which the page knows the run as a whole


class Timeline(View):
    """Collects steps."""

    def __init__(self) -> None:
        """Start with none."""
        self.began, self.now = datetime.now(UTC), time.monotonic()
        self.spans: list[Span] = []

    def started(self, span: Span) -> None:
        """Add a span."""
        self.spans.append(span)

    def data(self, totals: Totals, outcome: Status) -> dict[str, Any]:
        """Return all of it as JSON; times are seconds since the run began."""
        end = max([totals.over or time.monotonic(), *(span.ended for span in self.spans if span.ended)]) - self.now
        works = self._works(end)
        return {
            "command": shlex.join(["ci", *sys.argv[1:]]),
            "began": self.began.isoformat(timespec="seconds"),
            "outcome": outcome,
            "seconds": _round(end),
            "steps": totals.steps,
            "cached": totals.cached,
            "saved": _round(totals.saved),
            "lines": TAIL_LINES,
            "deciding": [[number, _round(seconds)] for number, seconds in critical_path(works[RUN])],
            "spans": [self._span(span, works[span.number]) for span in self.spans],
        }

    def _works(self, end: float) -> dict[int, Work]:
        works = {RUN: Work(RUN, 0, end)}
        for span in self.spans:
            work = works[span.number] = Work(span.number, self._at(span.started), self._at(span.ended, end))
            above = span.parent.number if span.parent else RUN
            works.get(above, works[RUN]).children.append(work)
        for span in self.spans:
            works[span.number].waits += [
                (works[wait.number], (self._at(wait.started), self._at(wait.ended)))
                for wait in span.waits
                if wait.number in works
            ]
        return works

    def _span(self, span: Span, work: Work) -> dict[str, Any]:
        return {
            "number": span.number,
            "parent": span.parent.number if span.parent else RUN,
            "title": span.title,
            "start": _round(work.start),
            "end": _round(work.end),
            "own": [[_round(start), _round(end)] for start, end in work.own],
            "waits": [[other.number, _round(start), _round(end)] for other, (start, end) in work.waits],
            "status": "canceled" if span.ended is None else span.status,
            "usual": None if span.usual is None else _round(span.usual),
            "worked": _round(span.seconds),
            "error": span.error,
            "output": list(span.tail),
        }

    def _at(self, moment: float | None, otherwise: float = 0) -> float:
        return otherwise if moment is None else moment - self.now


def _round(seconds: float) -> float:
    return round(seconds, 3)
