"""Signs of life from steps without output, so that a log does not look dead."""

import asyncio
import contextlib
import time
from collections.abc import Callable

from slipway_engine.events import Span

SILENCE = 60.0  # seconds
LOOKS = 10  # at what runs, within that time


class Pulse:
    """Writes about each running step that has been silent for too long, again and again."""

    def __init__(self, write: Callable[[Span], None], silence: float = SILENCE) -> None:
        """Start with nothing running."""
        self._write, self._silence = write, silence
        self._last_output: dict[int, tuple[Span, float]] = {}
        self._timer: asyncio.TimerHandle | None = None

    def note_output(self, span: Span) -> None:
        """Note that output of a running step was shown."""
        self._last_output[span.number] = (span, time.monotonic())
        if self._timer is None:
            self._await()

    def forget(self, span: Span) -> None:
        """Stop watching a step that ended."""
        self._last_output.pop(span.number, None)

    def stop(self) -> None:
        """Stop watching all steps."""
        self._last_output.clear()
        if self._timer:
            self._timer.cancel()
            self._timer = None

    def _await(self) -> None:
        with contextlib.suppress(RuntimeError):  # without an event loop there is no timer
            self._timer = asyncio.get_running_loop().call_later(self._silence / LOOKS, self._look)

    def _look(self) -> None:
        self._timer, now = None, time.monotonic()
        # A step with running steps inside is not silent: those are watched.
        parents = {span.parent.number for span, _ in self._last_output.values() if span.parent}
        for span, last in list(self._last_output.values()):
            if span.number not in parents and now - last >= self._silence:
                self._write(span)
                self.note_output(span)
        if self._last_output and self._timer is None:
            self._await()
