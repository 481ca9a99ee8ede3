"""The last line of a run: the number of steps, how many the cache had, and how much work that saved."""

import time

from slipway_engine.cli.progress.times import exact
from slipway_engine.cli.progress.view import View
from slipway_engine.events import Span

LEAST_SAVED = 0.5  # seconds


class Totals(View):
    """Counts steps."""

    def __init__(self) -> None:
        """Start with none."""
        self.began = time.monotonic()
        self.over: float | None = None
        self.steps = self.cached = 0
        self.saved = 0.0  # seconds of work, without the inputs of cached steps

    def ended(self, span: Span) -> None:
        """Count it."""
        self.steps += 1
        if span.status == "cached":
            self.cached += 1
            self.saved += span.usual or 0

    def close(self) -> None:
        """End the run: what comes after it, such as a shell, does not count."""
        self.over = self.over or time.monotonic()

    @property
    def seconds(self) -> float:
        """How long the run took, or has taken so far."""
        return (self.over or time.monotonic()) - self.began

    def __str__(self) -> str:
        """Return the totals as one line: `14 steps, 9 cached (64 %), 23.4s`."""
        steps = f"{self.steps} step{'s' if self.steps != 1 else ''}"
        saved = f"; the cache saved at least {exact(self.saved)} of work" if self.saved >= LEAST_SAVED else ""
        share = round(100 * self.cached / self.steps) if self.steps else 0
        return f"{steps}, {self.cached} cached ({share} %), {exact(self.seconds)}{saved}"
