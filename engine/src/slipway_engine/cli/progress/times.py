"""Durations as text: how long a step took, and how long it is likely to take."""

from slipway_engine.events import Span

SHORTEST = 1.0  # seconds; a shorter step needs no estimate
TOLERANCE = 1.1  # how much longer than usual a step may run before the line says so
MINUTE, HOUR = 60, 3600


def exact(seconds: float) -> str:
    """Return a duration: `12.3s`, `2m05s`, `1h02m`."""
    return f"{seconds:.1f}s" if seconds < MINUTE else about(seconds)


def about(seconds: float) -> str:
    """Return a duration without fractions: `12s`, `2m05s`, `1h02m`."""
    whole = round(seconds)
    if whole < MINUTE:
        return f"{whole}s"
    if whole < HOUR:
        return f"{whole // MINUTE}m{whole % MINUTE:02}s"
    return f"{whole // HOUR}h{whole % HOUR // MINUTE:02}m"


def so_far(span: Span) -> str:
    """Return how long a running step has taken, and the estimate from earlier runs."""
    took, usual = exact(span.seconds), span.usual
    if span.prepares:
        return f"preparing {took}"
    if usual is None or usual < SHORTEST:
        return took
    if span.seconds <= usual * TOLERANCE:
        return f"{took} of ~{about(usual)}"
    return f"{took}, usually {about(usual)}"
