"""What happens while an engine works, for whoever shows it: spans with a beginning, log lines and an end."""

import contextlib
import itertools
import time
from collections import deque
from collections.abc import Iterator
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Literal, Protocol

Status = Literal["running", "done", "cached", "failed", "canceled"]

TAIL_LINES = 40  # what a failed step shows of its output


@dataclass
class Span:
    """One piece of work: a function call, a step, a service, an upload."""

    number: int
    name: str
    parent: "Span | None"
    started: float = field(default_factory=time.monotonic)
    ended: float | None = None
    status: Status = "running"
    error: str = ""
    tail: deque[str] = field(default_factory=lambda: deque(maxlen=TAIL_LINES))

    @property
    def seconds(self) -> float:
        """How long it took, or has taken so far, in seconds."""
        return (self.ended or time.monotonic()) - self.started

    @property
    def depth(self) -> int:
        """How many spans it lies in."""
        return 0 if self.parent is None else self.parent.depth + 1


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

    def __init__(self) -> None:
        """Start with nobody listening."""
        self.listeners: list[Listener] = []
        self._numbers = itertools.count(1)

    @contextlib.contextmanager
    def span(self, name: str, parent: Span | None = None) -> Iterator[Span]:
        """Tell that a piece of work runs while the block does; set `status` to "cached" where it was."""
        span = Span(next(self._numbers), name, parent or current.get())
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
            if span.status == "running":
                span.status = "done"
            self._tell("ended", span)

    def log(self, span: Span, line: str) -> None:
        """Tell a line of a span's output."""
        span.tail.append(line)
        for listener in self.listeners:
            listener.logged(span, line)

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
