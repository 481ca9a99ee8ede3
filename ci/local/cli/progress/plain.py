"""One line for each event, with the step's number in front."""

import sys

from ci.local.events import Span


class Plain:
    """Writes lines: `#3 name`, `#3 its output`, `#3 DONE 1.2s`."""

    def __init__(self) -> None:
        """Start with nothing written."""
        self.last: Span | None = None

    def started(self, span: Span) -> None:
        """Write its name, and the number of the step that it is part of."""
        self._write(span, span.name + (f" (in #{span.parent.number})" if span.parent else ""))

    def logged(self, span: Span, line: str) -> None:
        """Write a line of its output."""
        self._write(span, line)

    def ended(self, span: Span) -> None:
        """Write how it ended."""
        match span.status:
            case "cached":
                self._write(span, "CACHED")
            case "failed":
                self._write(span, f"ERROR {span.seconds:.1f}s: {span.error.partition(chr(10))[0]}")
            case "canceled":
                self._write(span, f"CANCELED {span.seconds:.1f}s")
            case _:
                self._write(span, f"DONE {span.seconds:.1f}s")

    def pause(self) -> None:
        """Have nothing to leave."""

    def resume(self) -> None:
        """Have nothing to go on with."""

    def stop(self) -> None:
        """Have nothing to finish."""

    def _write(self, span: Span, text: str) -> None:
        self.last = span
        sys.stderr.write(f"#{span.number} {text}\n")
        sys.stderr.flush()
