"""Where the time of a run went: each step's own time, and the chain of steps that decided how long it took."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

Interval = tuple[float, float]  # seconds since the run began
TOLERANCE = 0.01  # seconds; a waiting step goes on a little later


@dataclass
class Work:
    """A step as intervals: its own, those of the steps inside, and those in which it waited for others."""

    number: int
    start: float
    end: float
    children: list["Work"] = field(default_factory=list)
    waits: list[tuple["Work", Interval]] = field(default_factory=list)

    @property
    def own(self) -> list[Interval]:
        """The times in which it worked itself."""
        others = [(child.start, child.end) for child in self.children] + [when for _, when in self.waits]
        return gaps(others, (self.start, self.end))


def gaps(taken: Iterable[Interval], whole: Interval) -> list[Interval]:
    """Return the parts of an interval that no taken interval covers."""
    free, at = [], whole[0]
    for start, end in sorted(taken):
        if start > at:
            free.append((at, min(start, whole[1])))
        at = max(at, end)
    if at < whole[1]:
        free.append((at, whole[1]))
    return [(start, end) for start, end in free if end > start]


def critical_path(root: Work) -> list[tuple[int, float]]:
    """Return the chain of steps in which each waited for the one before, with the seconds that passed in each.

    Had one of them been shorter, the run would have been.
    """
    parts = _walk(root, (root.start, root.end), frozenset())
    joined: list[tuple[int, float]] = []
    for number, seconds in parts:
        if joined and joined[-1][0] == number:
            seconds += joined.pop()[1]  # noqa: PLW2901 - the sum of both takes their place
        joined.append((number, seconds))
    return joined


def _walk(work: Work, when: Interval, above: frozenset[int]) -> list[tuple[int, float]]:
    """Go back from the end: the step that ended last before a moment is the one that was waited for."""
    above = above | {work.number}
    inside = [(child, (child.start, child.end)) for child in work.children] + list(work.waits)
    parts: list[tuple[int, float]] = []
    at = when[1]
    while found := _last(inside, (when[0], at), above):
        other, (start, end) = found
        parts.append((work.number, at - end))
        parts += reversed(_walk(other, (start, end), above))
        at = start
    parts.append((work.number, at - when[0]))
    return [part for part in reversed(parts) if part[1] > 0]


def _last(
    inside: Sequence[tuple[Work, Interval]], when: Interval, above: frozenset[int]
) -> tuple[Work, Interval] | None:
    """Return the work that ended last in an interval, and its part there; work that went on delayed nothing."""
    fitting = [
        (other, (max(start, when[0]), min(end, when[1])))
        for other, (start, end) in inside
        if other.number not in above and start < when[1] and when[0] < end <= when[1] + TOLERANCE
    ]
    return max(fitting, key=lambda found: (found[1][1], -found[1][0]), default=None)
