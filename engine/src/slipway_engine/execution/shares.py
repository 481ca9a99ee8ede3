"""Shares of the processors: of the steps that run, the one that was asked for first gets the most."""

import contextlib
import itertools
from collections.abc import Iterator

CPU_SHARES = 1024  # what Docker gives a container that asks for nothing
MOST_SHARES = 64 * CPU_SHARES


class Shares:
    """Who waits for which step, and which steps have a container."""

    def __init__(self) -> None:
        """Start without waiting steps."""
        # How many wait for a step that is not done yet, in the order in which the steps were asked for.
        self._waiting: dict[str, int] = {}
        # Those of them that have a container.
        self._started: set[str] = set()

    @contextlib.contextmanager
    def waiting_for(self, digest: str) -> Iterator[None]:
        """Count as waiting for a step while the block runs."""
        self._waiting[digest] = self._waiting.get(digest, 0) + 1
        try:
            yield
        finally:
            self._waiting[digest] -= 1
            if not self._waiting[digest]:
                del self._waiting[digest]
                self._started.discard(digest)

    def claim(self, digest: str) -> int:
        """Return the share of a step whose container is about to be made, for when processors are scarce."""
        before = itertools.takewhile(lambda each: each != digest, self._waiting)
        rank = sum(each in self._started for each in before)
        self._started.add(digest)
        return max(MOST_SHARES >> 2 * rank, CPU_SHARES)
