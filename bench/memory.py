"""The most memory that processes had resident, as the kernel counts it."""

import contextlib
import threading
from collections.abc import Iterator
from pathlib import Path

EVERY = 0.1  # seconds; the kernel keeps the peak, so that only the last moments before an end can be missed


class Peak:
    """The peaks of a process and of its descendants, in MiB."""

    def __init__(self, pid: int) -> None:
        """Start with nothing seen."""
        self._pid = pid
        self._seen: dict[int, float] = {}

    @property
    def own(self) -> float:
        """The peak of the process itself."""
        return self._seen.get(self._pid, 0.0)

    @property
    def children(self) -> float:
        """The highest peak of a descendant: each function's process is one, forked from another."""
        return max((peak for pid, peak in self._seen.items() if pid != self._pid), default=0.0)

    def look(self) -> None:
        """Look again."""
        for pid in _family(self._pid):
            self._seen[pid] = max(self._seen.get(pid, 0.0), _peak(pid))


@contextlib.contextmanager
def watch_memory(pid: int) -> Iterator[Peak]:
    """Watch a process and its descendants until the block ends."""
    peak, over = Peak(pid), threading.Event()

    def watch() -> None:
        while not over.wait(EVERY):
            peak.look()

    thread = threading.Thread(target=watch)
    thread.start()
    try:
        yield peak
    finally:
        over.set()
        thread.join()


def _family(pid: int) -> Iterator[int]:
    yield pid
    with contextlib.suppress(OSError):
        for task in Path(f"/proc/{pid}/task").iterdir():
            for child in (task / "children").read_text().split():
                yield from _family(int(child))


def _peak(pid: int) -> float:
    with contextlib.suppress(OSError):
        for line in Path(f"/proc/{pid}/status").read_text().splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) / 1024
    return 0.0
