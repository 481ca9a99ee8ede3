"""What the user reads last when something failed: the failed step's last lines, then the error, once."""

import shlex
import sys
from collections.abc import Sequence
from typing import Any

from slipway_engine.cli.progress.github import harmless
from slipway_engine.cli.progress.traces import message
from slipway_engine.errors import exec_message
from slipway_engine.events import Span
from slipway_engine.plaintext import plain
from slipway_engine.store.secrets import Secrets

LINES = 40


def report(error: BaseException, failed: Sequence[Span], secrets: Secrets, last: Span | None = None) -> None:
    """Write the story of a failure on the standard error; `last` is the step whose output stands there already."""
    details: dict[str, Any] = getattr(error, "extensions", None) or {}
    said, lines = message(str(error)), []
    if details.get("_type") == "EXEC_ERROR":
        lines = _exec(details, failed, said)
    elif (span := _origin(failed)) and span.tail and span is not last:
        lines = [f"✘ {span.name} ({span.seconds:.1f}s)", *(f"  {line}" for line in span.tail)]
    last_word = f"Error: {said}"
    lines += ["", last_word] if lines else [last_word]
    sys.stderr.write(harmless(plain(secrets.scrub("\n".join(lines)))) + "\n")
    sys.stderr.flush()


def _origin(failed: Sequence[Span]) -> Span | None:
    """Return the step that failed first and that no step inside of it explains."""
    parents = {span.parent.number for span in failed if span.parent}
    return next((span for span in failed if span.number not in parents), None)


def _exec(details: dict[str, Any], failed: Sequence[Span], said: str) -> list[str]:
    """Tell of a step: what ran and how it ended, unless the module has words of its own for that; and its output."""
    command, exit_code = details.get("cmd") or [], details.get("exitCode")
    own = exec_message(command, exit_code)
    # Others may have failed beside it.
    span = next((span for span in failed if span.error == own), None) or _origin(failed)
    after = f" ({span.seconds:.1f}s)" if span else ""
    lines = [f"✘ {shlex.join(command)}{after}", f"  exit code: {exit_code}"] if said == own else []
    output: list[str] = []
    for name in ("stdout", "stderr"):
        text = str(details.get(name) or "").rstrip()
        if text:
            kept = text.splitlines()
            cut = [f"  … {len(kept) - LINES} earlier lines"] if len(kept) > LINES else []
            output += [f"  {name}:", *cut, *(f"    {line}" for line in kept[-LINES:])]
    return [*(lines or [f"✘ the last lines of what failed{after}"] * bool(output)), *output]
