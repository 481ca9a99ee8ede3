"""Durations in the notation of Go: `10s`, `1h30m`, `1.5h`."""

import re

from slipway_engine.errors import UsageError

UNITS = {"ns": 1e-9, "us": 1e-6, "µs": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0}
WEEK = 7 * 24 * 3600.0  # the longest time that a function's result is kept, and the default

_PART = re.compile(r"(\d+(?:\.\d*)?|\.\d+)(ns|us|µs|ms|s|m|h)")


def seconds(text: str) -> float:
    """Return a duration in seconds; a text that is none raises ValueError."""
    parts = _PART.findall(text)
    if not parts or "".join(number + unit for number, unit in parts) != text:
        raise ValueError(text)
    return sum(float(number) * UNITS[unit] for number, unit in parts)


def check_ttl(function: str, text: str) -> None:
    """Refuse a time to live that the official engine refuses."""
    try:
        value = seconds(text)
    except ValueError:
        raise UsageError(
            f'function {function!r}: the time to live {text!r} is no duration such as "10s" or "1h"'
        ) from None
    if not 1 <= value <= WEEK:
        raise UsageError(f"function {function!r}: the time to live {text!r} must be between 1s and 168h")
