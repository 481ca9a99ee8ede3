"""The report of a failed run: the failed step's last lines, then the error, once."""

import shlex
import sys
from collections.abc import Sequence
from typing import Any

from slipway_engine.cli.options import Options
from slipway_engine.cli.progress.github import stop_commands
from slipway_engine.cli.progress.tracebacks import message
from slipway_engine.cli.typed import with_typed
from slipway_engine.errors import describe, exec_message
from slipway_engine.events import Span
from slipway_engine.store.secrets import Secrets

LINES = 40


def report(
    error: BaseException, failed: Sequence[Span], secrets: Secrets, options: Options, last: Span | None = None
) -> None:
    """Write the report on the standard error; the output of the step `last` is already there."""
    details: dict[str, Any] = getattr(error, "extensions", None) or {}
    text, lines = message(describe(error)), []
    if details.get("_type") == "EXEC_ERROR":
        lines = _exec(details, failed, text, secrets)
    elif (span := _origin(failed)) and span.tail and span is not last:
        lines = [f"✘ {span.name} ({span.seconds:.1f}s)", *(f"  {line}" for line in span.tail)]
    error_line = with_typed(f"Error: {text}", options)
    lines += ["", error_line] if lines else [error_line]
    sys.stderr.write(stop_commands(secrets.shown("\n".join(lines))) + "\n")
    sys.stderr.flush()


def _origin(failed: Sequence[Span]) -> Span | None:
    """Return the span that failed first and has no failed span inside."""
    parents = {span.parent.number for span in failed if span.parent}
    return next((span for span in failed if span.number not in parents), None)


def _exec(details: dict[str, Any], failed: Sequence[Span], message_text: str, secrets: Secrets) -> list[str]:
    """Return the report of a failed step: command and exit code, unless the module has its own message, and output."""
    command, exit_code = details.get("cmd") or [], details.get("exitCode")
    own = exec_message(command, exit_code)
    # Other steps may have failed beside it.
    span = next((span for span in failed if span.error == own), None) or _origin(failed)
    after = f" ({span.seconds:.1f}s)" if span else ""
    lines = [f"✘ {shlex.join(command)}{after}", f"  exit code: {exit_code}"] if message_text == own else []
    output: list[str] = []
    for name in ("stdout", "stderr"):
        # Before it is cut: a part of a secret would not be found.
        text = secrets.shown(str(details.get(name) or "")).rstrip()
        if text:
            kept = text.splitlines()
            cut = [f"  … {len(kept) - LINES} earlier lines"] if len(kept) > LINES else []
            output += [f"  {name}:", *cut, *(f"    {line}" for line in kept[-LINES:])]
    return [*(lines or [f"✘ the last lines of what failed{after}"] * bool(output)), *output]
