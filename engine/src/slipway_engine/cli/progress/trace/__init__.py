"""`--trace FILE`: a run's timeline as one page that a browser opens, with nothing from outside."""

import contextlib
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

from slipway_engine.cli.progress.totals import Totals
from slipway_engine.cli.progress.trace.page import page
from slipway_engine.cli.progress.trace.timeline import Timeline
from slipway_engine.engine import Engine
from slipway_engine.errors import UsageError
from slipway_engine.events import Status


def refuse_unwritable(path: Path) -> None:
    """Raise UsageError when a file cannot be written; it is left as it was."""
    existed = path.exists()
    try:
        path.open("a").close()
        if not existed:
            path.unlink()
    except OSError as error:
        raise UsageError(f"--trace {path}: cannot be written: {error.strerror}") from error


@contextlib.contextmanager
def write_trace(path: Path, engine: Engine, totals: Totals, outcome: Callable[[], Status]) -> Iterator[None]:
    """Write the page of what happens in the block, however the block ends."""
    timeline = Timeline()
    engine.events.listeners.append(timeline)
    try:
        yield
    finally:
        engine.events.listeners.remove(timeline)
        try:
            path.write_text(page(engine.secrets.shown_json(timeline.data(totals, outcome()))), encoding="utf-8")
        except OSError as error:  # it could be written when the run began
            sys.stderr.write(f"--trace {path}: could not be written: {error.strerror}\n")
