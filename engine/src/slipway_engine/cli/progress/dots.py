"""One character for each step that ended: `.` done, `$` cached, `X` failed."""

import sys

from slipway_engine.cli.progress.view import View
from slipway_engine.events import Span

MARKS = {"done": ".", "cached": "$", "failed": "X", "canceled": "-"}
WIDTH = 80


class Dots(View):
    """Writes dots, in lines of eighty."""

    def __init__(self) -> None:
        """Start at the left."""
        self._column = 0

    def ended(self, span: Span) -> None:
        """Write its mark."""
        sys.stderr.write(MARKS.get(span.status, "?"))
        self._column += 1
        if self._column == WIDTH:
            self.pause()
        sys.stderr.flush()

    def pause(self) -> None:
        """End the line."""
        if self._column:
            sys.stderr.write("\n")
            self._column = 0

    def stop(self) -> None:
        """End the line."""
        self.pause()
