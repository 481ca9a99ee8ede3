"""What the user reads last when something failed: the failed step's last lines, then the error, once."""

import shlex
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from ci.local.cli.progress.github import harmless
from ci.local.cli.progress.traces import message
from ci.local.events import Span
from ci.local.plaintext import plain

if TYPE_CHECKING:
    from ci.local.secrets import Secrets

LINES = 40


def report(error: BaseException, failed: Sequence[Span], secrets: "Secrets", last: Span | None = None) -> None:
    """Write the story of a failure on the standard error; `last` is the step whose output stands there already."""
    details: dict[str, Any] = getattr(error, "extensions", None) or {}
    lines: list[str] = []
    span = _origin(failed)
    if details.get("_type") == "EXEC_ERROR":
        lines += _exec(details, span)
    elif span and span.tail and span is not last:
        lines += [f"✘ {span.name} ({span.seconds:.1f}s)", *(f"  {line}" for line in span.tail)]
    last_word = f"Error: {message(str(error))}"
    lines += ["", last_word] if lines else [last_word]
    sys.stderr.write(harmless(plain(secrets.scrub("\n".join(lines)))) + "\n")
    sys.stderr.flush()


def _origin(failed: Sequence[Span]) -> Span | None:
    """Return the step that failed first and that no step inside of it explains."""
    parents = {span.parent.number for span in failed if span.parent}
    return next((span for span in failed if span.number not in parents), None)


def _exec(details: dict[str, Any], span: Span | None) -> list[str]:
    command = details.get("cmd") or []
    title = f"✘ {shlex.join(command)}" + (f" ({span.seconds:.1f}s)" if span else "")
    lines = [title, f"  exit code: {details.get('exitCode')}"]
    for name in ("stdout", "stderr"):
        text = str(details.get(name) or "").rstrip()
        if text:
            kept = text.splitlines()
            cut = [f"  … {len(kept) - LINES} earlier lines"] if len(kept) > LINES else []
            lines += [f"  {name}:", *cut, *(f"    {line}" for line in kept[-LINES:])]
    return lines
