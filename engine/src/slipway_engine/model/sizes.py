"""Sizes as people write and read them: `20GB`, `500 MiB`, `1000`."""

import re
from decimal import Decimal

UNITS = {"": 1, "k": 10**3, "m": 10**6, "g": 10**9, "t": 10**12, "ki": 2**10, "mi": 2**20, "gi": 2**30, "ti": 2**40}
STEP = 1000  # from one decimal unit to the next

_SIZE = re.compile(r"([0-9]{1,18}(?:\.[0-9]{1,9})?)\s*([kmgt]?i?)b?")


def parse_size(text: str) -> int:
    """Return a size in bytes; a text that is none raises ValueError."""
    found = _SIZE.fullmatch(text.strip().lower())
    if found is None or found[2] not in UNITS:
        raise ValueError(text)
    return int(Decimal(found[1]) * UNITS[found[2]])


def human(size: float) -> str:
    """Return a number of bytes for people."""
    for unit in ("B", "kB", "MB"):
        if size < STEP:
            return f"{size:.0f} {unit}"
        size /= STEP
    return f"{size:.1f} GB"


def count(number: int, what: str) -> str:
    """Return a number of things: `1 image`, `2 images`."""
    return f"{number} {what}{'' if number == 1 else 's'}"
