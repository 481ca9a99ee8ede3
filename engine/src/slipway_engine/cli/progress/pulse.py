"""A sign of life from steps that have said nothing for a while, so that a log does not look dead."""

import asyncio
import contextlib
import time
from collections.abc import Callable

from slipway_engine.events import Span

SILENCE = 60.0  # seconds
LOOKS = 10  # at what runs, within that time


class Pulse:
    """Tells of each running step that has been silent for too long, again and again."""

    def __init__(self, tell: Callable[[Span], None], silence: float = SILENCE) -> None:
        """Start with nothing running."""
        self._tell, self._silence = tell, silence
        self._heard: dict[int, tuple[Span, float]] = {}
        self._timer: asyncio.TimerHandle | None = None

    def heard(self, span: Span) -> None:
        """Note that something was shown of a running step."""
        self._heard[span.number] = (span, time.monotonic())
        if self._timer is None:
            self._await()

    def over(self, span: Span) -> None:
        """Note that a step does not run any more."""
        self._heard.pop(span.number, None)

    def stop(self) -> None:
        """Tell nothing any more."""
        self._heard.clear()
        if self._timer:
            self._timer.cancel()
            self._timer = None

    def _await(self) -> None:
        with contextlib.suppress(RuntimeError):  # without a loop nothing runs beside what tells
            self._timer = asyncio.get_running_loop().call_later(self._silence / LOOKS, self._look)

    def _look(self) -> None:
        self._timer, now = None, time.monotonic()
        # Of one that has steps of its own running, those speak.
        parents = {span.parent.number for span, _ in self._heard.values() if span.parent}
        for span, heard in list(self._heard.values()):
            if span.number not in parents and now - heard >= self._silence:
                self._tell(span)
                self.heard(span)
        if self._heard and self._timer is None:
            self._await()
