"""One line for each event, with the step's number in front."""

import sys

from slipway_engine.cli.progress.pulse import SILENCE, Pulse
from slipway_engine.cli.progress.times import exact, so_far
from slipway_engine.cli.progress.view import View
from slipway_engine.events import Span


class Plain(View):
    """Writes lines: `#3 name`, `#3 its output`, `#3 DONE 1.2s`."""

    def __init__(self, silence: float = SILENCE) -> None:
        """Start with nothing written; a step without output for `silence` seconds gets a line that it still runs."""
        self._pulse = Pulse(self.write_alive, silence)

    def started(self, span: Span) -> None:
        """Write its name, and the number of the step that it is part of."""
        self._write(span, span.name + (f" (in #{span.parent.number})" if span.parent else ""))

    def logged(self, span: Span, line: str) -> None:
        """Write a line of its output."""
        self._write(span, line)

    def ended(self, span: Span) -> None:
        """Write how it ended."""
        self._write(span, outcome(span))
        self._pulse.forget(span)

    def write_alive(self, span: Span) -> None:
        """Write that it still runs."""
        self._write(span, f"… still runs: {so_far(span)}")

    def stop(self) -> None:
        """Stop writing about running steps."""
        self._pulse.stop()

    def _write(self, span: Span, text: str) -> None:
        self.last = span
        if span.ended is None:
            self._pulse.note_output(span)
        write(f"#{span.number} {text}")


def outcome(span: Span) -> str:
    """Return how a step ended, in a line."""
    match span.status:
        case "cached":
            return "CACHED"
        case "failed":
            return f"ERROR {exact(span.seconds)}: {span.error.partition(chr(10))[0]}"
        case "canceled":
            return f"CANCELED {exact(span.seconds)}"
        case _:
            return f"DONE {exact(span.seconds)}"


def write(text: str) -> None:
    """Write a line on the standard error, at once."""
    sys.stderr.write(f"{text}\n")
    sys.stderr.flush()
