"""A filter for Python's tracebacks: where a step failed, the error itself is enough.

The SDK prints one for every error that leaves a function. It helps where the module's code is at fault; where a step
failed, or the module refused with an error of its own, it only hides the error.
"""

import re
import sys
from dataclasses import dataclass, field

from slipway_engine.events import Listener, Span

API_ERROR = "API error while executing function"
EXCEPTION = "Unhandled exception while executing function"
FRAME = '  File "'
PREFIX = "FunctionError: "  # the SDK puts it before every error that a function raises


def message(error: str) -> str:
    """Return an error's message as the function raised it."""
    return error.removeprefix(PREFIX)


@dataclass
class Trace:
    """What a span has printed since the SDK announced an error, and what it had printed before."""

    before: list[str]
    lines: list[str] = field(default_factory=list)


class TracebackFilter:
    """Stands between an engine and a display, and forwards everything but tracebacks that explain nothing."""

    def __init__(self, display: Listener) -> None:
        """Start with no error announced."""
        self._display = display
        self._traces: dict[int, Trace] = {}

    def started(self, span: Span) -> None:
        """Forward the event."""
        self._display.started(span)

    def logged(self, span: Span, line: str) -> None:
        """Forward the line, or hold it back until the span ends and shows whether it helps."""
        trace = self._traces.get(span.number)
        if trace is None and line in {API_ERROR, EXCEPTION}:
            trace = self._traces[span.number] = Trace(list(span.tail)[:-1])
        if trace is None:
            self._display.logged(span, line)
        else:
            trace.lines.append(line)
            _retail(span, trace.before)

    def ended(self, span: Span) -> None:
        """Forward held lines, unless they are a traceback of no use, and the end."""
        trace = self._traces.pop(span.number, None)
        if trace and not (span.status == "failed" and _is_expected(trace.lines)):
            _retail(span, [*trace.before, *trace.lines])
            for line in trace.lines:
                self._display.logged(span, line)
        span.error = message(span.error)
        self._display.ended(span)

    def pause(self) -> None:
        """Forward the event."""
        self._display.pause()

    def resume(self) -> None:
        """Forward the event."""
        self._display.resume()


def _retail(span: Span, lines: list[str]) -> None:
    span.tail.clear()
    span.tail.extend(lines)


def _is_expected(lines: list[str]) -> bool:
    """Return whether a step failed, or the module raised an error class that it defines itself."""
    if lines[0] == API_ERROR:
        return True
    frames = [line for line in lines if line.startswith(FRAME)]
    if not frames:
        return False
    after = lines[len(lines) - lines[::-1].index(frames[-1]) :]
    name = next((line for line in after if not line.startswith(" ")), "")
    package = re.match(r"(\w+)\.", name)
    if package is None or package[1] in sys.stdlib_module_names:
        return False
    return any(_is_in(package[1], frame) for frame in frames)


def _is_in(package: str, frame: str) -> bool:
    path = frame.removeprefix(FRAME).partition('"')[0]
    return "/site-packages/" not in path and (f"/{package}/" in path or path.endswith(f"/{package}.py"))
