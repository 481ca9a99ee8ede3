"""What happens while an engine works, for whoever shows it: spans with a beginning, log lines and an end."""

import contextlib
import itertools
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Literal, Protocol

from slipway_engine.plaintext import plain

Status = Literal["running", "done", "cached", "failed", "canceled"]

TAIL_LINES = 40  # what a failed step shows of its output
NAME_LENGTH = 100  # what fits on a line
SHORTEST_WAIT = 0.05  # seconds; nobody wants to read of shorter ones


@dataclass(frozen=True)
class Wait:
    """A time in which a piece of work did nothing but wait for another one."""

    number: int  # of the span that was waited for
    started: float
    ended: float


@dataclass
class Span:
    """One piece of work: a function call, a step, a service, an upload."""

    number: int
    title: str  # the whole of it; a step's is its command
    parent: "Span | None"
    started: float = field(default_factory=time.monotonic)
    prepares: bool = False  # whether what it needs is still being made
    ready: float | None = None  # when that was there and its own work began
    ended: float | None = None
    status: Status = "running"
    error: str = ""
    usual: float | None = None  # the seconds that it took in earlier runs
    waits: list[Wait] = field(default_factory=list)
    tail: deque[str] = field(default_factory=lambda: deque(maxlen=TAIL_LINES))

    @property
    def name(self) -> str:
        """Its title, on one line that is not too long."""
        text = " ".join(self.title.split())
        return text if len(text) <= NAME_LENGTH else text[: NAME_LENGTH - 1] + "…"

    @property
    def seconds(self) -> float:
        """How long it took, or has taken so far, in seconds; without the making of what it needs."""
        return (self.ended or time.monotonic()) - (self.ready or self.started)

    def begin(self) -> None:
        """Note that what it needs is there, and that its own work begins."""
        self.prepares, self.ready = False, time.monotonic()


class Listener(Protocol):
    """Whoever wants to know."""

    def started(self, span: Span) -> None:
        """Learn that a span has begun."""

    def logged(self, span: Span, line: str) -> None:
        """Learn a line of output, without its line end and without secrets."""

    def ended(self, span: Span) -> None:
        """Learn that a span has ended: its status, error and seconds are final."""

    def pause(self) -> None:
        """Leave the terminal alone: somebody else uses it."""

    def resume(self) -> None:
        """Have the terminal back."""


current: ContextVar[Span | None] = ContextVar("current", default=None)


class Events:
    """The spans of one engine, told to its listeners as they happen."""

    def __init__(self, scrub: Callable[[str], str] = str) -> None:
        """Start with nobody listening; `scrub` takes secrets out of a text."""
        self.listeners: list[Listener] = []
        self._scrub = scrub
        self._numbers = itertools.count(1)

    @contextlib.contextmanager
    def span(self, title: str, *, prepares: bool = False) -> Iterator[Span]:
        """Tell that a piece of work runs while the block does; set `status` to "cached" where it was.

        One that `prepares` has what it needs made first, and tells by `begin` when it is there.
        """
        span = Span(next(self._numbers), plain(self._scrub(title)), current.get(), prepares=prepares)
        token = current.set(span)
        self._tell("started", span)
        try:
            yield span
        except BaseException as error:
            span.status = "failed" if isinstance(error, Exception) else "canceled"
            span.error = span.error or str(error)
            raise
        finally:
            current.reset(token)
            span.ended = time.monotonic()
            span.error = plain(self._scrub(span.error))
            if span.status == "running":
                span.status = "done"
            self._tell("ended", span)

    def log(self, span: Span, line: str) -> None:
        """Log a line of a span's output, without colours and secrets."""
        line = plain(self._scrub(line))
        span.tail.append(line)
        for listener in self.listeners:
            listener.logged(span, line)

    def waited(self, other: Span | None, since: float) -> None:
        """Note that the current piece of work has only waited for another one since then, if that was long."""
        span, now = current.get(), time.monotonic()
        if span and other and now - since > SHORTEST_WAIT:
            span.waits.append(Wait(other.number, since, now))

    @contextlib.contextmanager
    def within(self, span: Span | None) -> Iterator[None]:
        """Let the spans that begin in the block be part of another one, whoever began it."""
        token = current.set(span)
        try:
            yield
        finally:
            current.reset(token)

    @contextlib.contextmanager
    def paused(self) -> Iterator[None]:
        """Keep listeners from the terminal while the block uses it."""
        for listener in self.listeners:
            listener.pause()
        try:
            yield
        finally:
            for listener in self.listeners:
                listener.resume()

    def _tell(self, what: Literal["started", "ended"], span: Span) -> None:
        for listener in self.listeners:
            getattr(listener, what)(span)
