"""One character for each step that ended: `.` done, `$` cached, `X` failed."""

import sys

from ci.local.events import Span

MARKS = {"done": ".", "cached": "$", "failed": "X", "canceled": "-"}
WIDTH = 80


class Dots:
    """Writes dots, in lines of eighty."""

    last: Span | None = None

    def __init__(self) -> None:
        """Start at the left."""
        self._column = 0

    def started(self, span: Span) -> None:
        """Show nothing yet."""

    def logged(self, span: Span, line: str) -> None:
        """Show nothing: a failed step's output comes with the error."""

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

    def resume(self) -> None:
        """Go on with a new line."""

    def stop(self) -> None:
        """End the line."""
        self.pause()
