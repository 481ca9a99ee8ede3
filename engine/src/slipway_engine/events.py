"""Events of an engine at work: spans of work that start, log lines and end."""

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

TAIL_LINES = 40  # of a failed step's output, shown beside its error
NAME_LENGTH = 100  # what fits on a line
SHORTEST_WAIT = 0.05  # seconds; shorter waits are not worth a line


@dataclass(frozen=True)
class Wait:
    """A time in which one piece of work only waited for another."""

    number: int  # the number of the other span
    started: float
    ended: float


@dataclass
class Span:
    """One piece of work: a function call, a step, a service, an upload."""

    number: int
    title: str  # in full; a step's title is its command
    parent: "Span | None"
    started: float = field(default_factory=time.monotonic)
    prepares: bool = False  # whether its inputs are still being made
    ready: float | None = None  # when its inputs were ready and its own work began
    ended: float | None = None
    status: Status = "running"
    error: str = ""
    usual: float | None = None  # the seconds that it took in earlier runs
    waits: list[Wait] = field(default_factory=list)
    tail: deque[str] = field(default_factory=lambda: deque(maxlen=TAIL_LINES))

    @property
    def name(self) -> str:
        """The title on one line, cut where it is long."""
        text = " ".join(self.title.split())
        return text if len(text) <= NAME_LENGTH else text[: NAME_LENGTH - 1] + "…"

    @property
    def seconds(self) -> float:
        """How long it took, or has taken so far, in seconds; without the time in which its inputs were made."""
        return (self.ended or time.monotonic()) - (self.ready or self.started)

    def begin(self) -> None:
        """Record that the inputs are ready and the span's own work begins."""
        self.prepares, self.ready = False, time.monotonic()


class Listener(Protocol):
    """A receiver of events."""

    def started(self, span: Span) -> None:
        """Handle the start of a span."""

    def logged(self, span: Span, line: str) -> None:
        """Handle a line of output, without its line end and without secrets."""

    def ended(self, span: Span) -> None:
        """Handle the end of a span: its status, error and seconds are final."""

    def pause(self) -> None:
        """Stop writing to the terminal: a shell uses it."""

    def resume(self) -> None:
        """Write to the terminal again."""


current: ContextVar[Span | None] = ContextVar("current", default=None)


class Events:
    """The spans of one engine; listeners receive them as they happen."""

    def __init__(self, shown: Callable[[str], str] = plain, unfinished: Callable[[str], int] = len) -> None:
        """Start without listeners.

        `shown` returns a text without terminal codes and secrets; `unfinished` returns where the lines begin that may
        start a secret which goes on after them, or their length.
        """
        self.listeners: list[Listener] = []
        self._shown, self._unfinished = shown, unfinished
        self._numbers = itertools.count(1)

    @contextlib.contextmanager
    def span(self, title: str, *, prepares: bool = False) -> Iterator[Span]:
        """Report a piece of work that runs while the block does; set its `status` to "cached" if the cache had it.

        Work that `prepares` waits for its inputs first, and calls `begin` when they are ready.
        """
        span = Span(next(self._numbers), self._shown(title), current.get(), prepares=prepares)
        token = current.set(span)
        self._notify("started", span)
        try:
            yield span
        except BaseException as error:
            span.status = "failed" if isinstance(error, Exception) else "canceled"
            span.error = span.error or str(error)
            raise
        finally:
            current.reset(token)
            span.ended = time.monotonic()
            span.error = self._shown(span.error)
            if span.status == "running":
                span.status = "done"
            self._notify("ended", span)

    def log(self, span: Span, lines: str) -> None:
        """Log whole lines of a span's output, without colours and secrets."""
        for line in self._shown(lines).removesuffix("\n").split("\n"):
            span.tail.append(line)
            for listener in self.listeners:
                listener.logged(span, line)

    def stream(self, span: Span) -> "Stream":
        """Return a stream of a span's output."""
        return Stream(self, self._unfinished, span)

    def record_wait(self, other: Span | None, since: float) -> None:
        """Record that the current work has only waited for another span since then, if that was long."""
        span, now = current.get(), time.monotonic()
        if span and other and now - since > SHORTEST_WAIT:
            span.waits.append(Wait(other.number, since, now))

    @contextlib.contextmanager
    def within(self, span: Span | None) -> Iterator[None]:
        """Make a span the parent of the spans that start in the block."""
        token = current.set(span)
        try:
            yield
        finally:
            current.reset(token)

    @contextlib.contextmanager
    def pause_listeners(self) -> Iterator[None]:
        """Keep listeners from writing to the terminal while the block uses it."""
        for listener in self.listeners:
            listener.pause()
        try:
            yield
        finally:
            for listener in self.listeners:
                listener.resume()

    def _notify(self, what: Literal["started", "ended"], span: Span) -> None:
        for listener in self.listeners:
            getattr(listener, what)(span)


class Stream:
    """A stream of a span's output, which comes in any pieces and is logged in lines.

    Lines are held back while they may be the beginning of a secret of several lines, and no others.
    """

    def __init__(self, events: Events, unfinished: Callable[[str], int], span: Span) -> None:
        """Start with nothing."""
        self._events, self._unfinished, self._span = events, unfinished, span
        self._rest = bytearray()  # the beginning of a line
        self._held = ""

    def add(self, data: bytes) -> None:
        """Log the lines that end in a piece of output."""
        end = data.rfind(b"\n") + 1
        if not end:
            self._rest += data
            return
        lines = self._held + plain((self._rest + data[:end]).decode(errors="replace"))
        self._rest = bytearray(data[end:])
        held = self._unfinished(lines)
        self._held = lines[held:]
        if held:
            self._events.log(self._span, lines[:held])

    def finish(self) -> None:
        """Log what is left: the stream ends here."""
        lines = self._held + plain(self._rest.decode(errors="replace"))
        self._rest, self._held = bytearray(), ""
        if lines:
            self._events.log(self._span, lines)
