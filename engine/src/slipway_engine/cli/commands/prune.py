"""`ci prune [--all] [--max-size SIZE]`: free what the engine stored."""

import re
import sys
from typing import TYPE_CHECKING

from slipway_engine.cli import session
from slipway_engine.cli.options import Options
from slipway_engine.errors import UsageError

if TYPE_CHECKING:  # imported when they are used, so that usage errors come at once
    from slipway_engine.cli.progress import Display
    from slipway_engine.engine import Engine

USAGE = """\
Free what the engine stored: the least recently used steps first.

USAGE
  ci prune [--all] [--max-size SIZE]

OPTIONS
      --all             Remove everything, also cache volumes and what is remembered of functions
      --max-size size   Keep at most this much, such as 10GB or 500MB (default: the limit that the engine keeps itself)
"""
UNITS = {"": 1, "k": 10**3, "m": 10**6, "g": 10**9, "t": 10**12, "ki": 2**10, "mi": 2**20, "gi": 2**30, "ti": 2**40}


def run(options: Options, arguments: list[str]) -> int:
    """Free space and print how much."""
    if {"-h", "--help"} & set(arguments):
        sys.stdout.write(USAGE)
        return 0
    everything, size = _read(arguments)

    async def work(engine: "Engine", _display: "Display") -> int:
        from slipway_engine.docker import prune  # noqa: PLC0415 - so that usage errors come at once

        freed = await prune.prune(
            engine.daemon.docker, engine.store, None if everything else prune.limit() if size is None else size
        )
        sys.stdout.write(f"Freed {human(freed)}.\n")
        return 0

    return session.run(options, work)


def _read(arguments: list[str]) -> tuple[bool, int | None]:
    everything, size, queue = False, None, list(arguments)
    while queue:
        name, equals, value = queue.pop(0).partition("=")
        if name == "--all" and not equals:
            everything = True
        elif name == "--max-size" and (equals or queue):
            size = parse_size(value if equals else queue.pop(0))
        else:
            raise UsageError(f"ci prune: unknown or incomplete flag: {name}")
    if everything and size is not None:
        raise UsageError("ci prune: --all keeps nothing, so --max-size makes no sense beside it")
    return everything, size


def parse_size(text: str) -> int:
    """Return a size in bytes: `10GB`, `500 MiB`, `1000`."""
    found = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([kmgt]?i?)b?", text.strip().lower())
    if found is None or found[2] not in UNITS:
        raise UsageError(f"--max-size: {text!r} is no size such as 10GB, 500MB or 2GiB")
    return int(float(found[1]) * UNITS[found[2]])


def human(size: float) -> str:
    """Return a number of bytes for people."""
    for unit in ("B", "kB", "MB"):
        if size < 1000:  # noqa: PLR2004 - a thousand is a thousand
            return f"{size:.0f} {unit}"
        size /= 1000
    return f"{size:.1f} GB"
