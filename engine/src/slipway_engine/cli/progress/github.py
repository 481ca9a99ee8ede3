"""Progress for a log of GitHub Actions: the output of a step is a group that people can open.

GitHub runs every line of a log that looks like `::name::` or `##[name]` as a command, such as to mask a text or to
annotate a file. Output of steps must not be run.
"""

import os
import re
import secrets

from slipway_engine.cli.progress.plain import Plain, outcome, write
from slipway_engine.cli.progress.pulse import SILENCE
from slipway_engine.cli.progress.times import so_far
from slipway_engine.events import Span

MOST_LINES = 1000  # that are held for a group; a step that prints more gets several
COMMAND = re.compile(r"^\W*::|##\[", re.MULTILINE)


class Github(Plain):
    """Writes a line when a step starts; when it ends, its output and outcome, so that steps do not mix."""

    def __init__(self, silence: float = SILENCE) -> None:
        """Start with nothing held."""
        super().__init__(silence)
        self._held: dict[int, tuple[Span, list[str]]] = {}

    def logged(self, span: Span, line: str) -> None:
        """Hold a line of its output."""
        _, held = self._held.setdefault(span.number, (span, []))
        held.append(line)
        if len(held) == MOST_LINES:
            self._group(span, f"goes on · {span.name}")

    def ended(self, span: Span) -> None:
        """Write its output, folded unless it failed, and how it ended."""
        self._pulse.forget(span)
        if span.number not in self._held:
            self._write(span, _end_line(span))
        elif span.status == "failed":
            self._write(span, f"FAILED · {span.name}")
            write(self._output(span))
            self._write(span, outcome(span))
        else:
            self._group(span, _end_line(span))

    def write_alive(self, span: Span) -> None:
        """Write that a step still runs, and its last line of output."""
        last = self._held[span.number][1][-1] if span.number in self._held else ""
        self._write(span, f"… still runs: {so_far(span)}" + (f" · {last}" if last else ""))

    def stop(self) -> None:
        """Write the held lines, which services have printed since their ports answered."""
        super().stop()
        for span, _ in list(self._held.values()):
            self._group(span, f"went on · {span.name}")

    def _write(self, span: Span, text: str) -> None:
        super()._write(span, _title(text))

    def _group(self, span: Span, title: str) -> None:
        self.last = span
        heading = f"#{span.number} {_title(title)}".replace("%", "%25")
        write(f"::group::{heading}\n{self._output(span)}\n::endgroup::")

    def _output(self, span: Span) -> str:
        return stop_commands("\n".join(self._held.pop(span.number)[1]))


def _end_line(span: Span) -> str:
    return outcome(span) if span.status == "failed" else f"{outcome(span)} · {span.name}"


def _title(text: str) -> str:
    return text.replace("##[", "## [")


def stop_commands(text: str) -> str:
    """Return a text that GitHub shows and does not run; outside of GitHub Actions, return it unchanged."""
    if os.environ.get("GITHUB_ACTIONS") != "true" or not COMMAND.search(text):
        return text
    token = secrets.token_hex(16)  # the text cannot contain it, and so not turn commands on again
    return f"::stop-commands::{token}\n{text}\n::{token}::"
