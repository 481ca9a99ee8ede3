"""`ci prune [--all] [--max-size SIZE]`: free what the engine stored."""

import sys
from typing import TYPE_CHECKING

from slipway_engine.cli import session
from slipway_engine.cli.options import Options
from slipway_engine.errors import UsageError
from slipway_engine.model.sizes import count, human, parse_size

if TYPE_CHECKING:  # imported when they are used, so that usage errors come at once
    from slipway_engine.cli.progress import Display
    from slipway_engine.docker.prune import Freed
    from slipway_engine.engine import Engine

USAGE = """\
Free what the engine stored: the least recently used steps first.

USAGE
  ci prune [--all] [--max-size SIZE]

OPTIONS
      --all             Remove everything, also cache volumes and what is remembered of functions
      --max-size size   Keep at most this much, such as 10GB or 500MB (default: the limit that the engine keeps itself)
"""


def run(options: Options, arguments: list[str]) -> int:
    """Free space and print how much."""
    if {"-h", "--help"} & set(arguments):
        sys.stdout.write(USAGE)
        return 0
    everything, size = _read(arguments)

    async def work(engine: "Engine", _display: "Display") -> int:
        from slipway_engine.docker import prune  # noqa: PLC0415 - so that usage errors come at once

        limit = engine.environment.cache_bytes if size is None else size
        freed = await prune.prune(engine.daemon.docker, engine.store, None if everything else limit)
        sys.stdout.write(_report(freed, engine.store.bytes_of_steps(), limit))
        return 0

    return session.run(options, work)


def _report(freed: "Freed", left: int, limit: int) -> str:
    if freed.images or freed.volumes:
        uncounted = f", of which {freed.uncounted} without their bytes" if freed.uncounted else ""
        what = f"{count(freed.images, 'image')} and {count(freed.volumes, 'volume')}{uncounted}"
        return f"Freed {human(freed.bytes)}: {what}.\n"
    if not left:
        return "Freed 0 B: nothing is stored.\n"
    what = f"{human(left)} are stored, and at most {human(limit)} may be"
    return f"Freed 0 B: {what}. `ci prune --max-size` and `ci prune --all` free more.\n"


def _read(arguments: list[str]) -> tuple[bool, int | None]:
    everything, size, queue = False, None, list(arguments)
    while queue:
        name, equals, value = queue.pop(0).partition("=")
        if name == "--all" and not equals:
            everything = True
        elif name == "--max-size" and (equals or queue):
            size = _size(value if equals else queue.pop(0))
        else:
            raise UsageError(f"ci prune: unknown or incomplete flag: {name}")
    if everything and size is not None:
        raise UsageError("ci prune: --all keeps nothing, so --max-size makes no sense beside it")
    return everything, size


def _size(text: str) -> int:
    try:
        return parse_size(text)
    except ValueError:
        raise UsageError(f"--max-size: {text!r} is no size such as 10GB, 500MB or 2GiB") from None
