"""Virtual time: an asyncio loop that never waits. Where nothing is left to do, its clock jumps to the next timer.

The wall clock jumps with it: `datetime.now` follows the loop while the loop runs.
"""

import asyncio
import selectors
from collections.abc import Coroutine
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

import time_machine

T = TypeVar("T")
# What the wall clock shows when a loop is new.
BEGIN = datetime(2026, 3, 2, 9, tzinfo=UTC)


class StuckError(RuntimeError):
    """Every task waits for something that will never come."""


class VirtualLoop(asyncio.SelectorEventLoop):
    """An event loop on virtual time; it has no real files, sockets and threads to wait for."""

    def __init__(self) -> None:
        """Begin at second 0."""
        super().__init__(_JumpingSelector(self._jump))
        self._seconds = 0.0

    def time(self) -> float:
        """Return the seconds since the loop's beginning."""
        return self._seconds

    def run_forever(self) -> None:
        """Run with the wall clock at the loop's own time."""
        with time_machine.travel(BEGIN + timedelta(seconds=self._seconds), tick=False) as self._clock:
            super().run_forever()

    def _jump(self, seconds: float) -> None:
        self._seconds += seconds
        self._clock.shift(seconds)


class _JumpingSelector(selectors.SelectSelector):
    """Selects among ready files only, and jumps over the time that a real loop would wait."""

    def __init__(self, jump: Any) -> None:
        super().__init__()
        self._jump = jump

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        if timeout is None:
            raise StuckError("every task waits, and no timer will wake one")
        if timeout > 0:
            self._jump(timeout)
        return []


def run(main: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine to its end on a new loop of virtual time."""
    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        return runner.run(main)
