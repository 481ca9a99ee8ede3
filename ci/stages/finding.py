"""Findings, read from the output of tools."""

import dataclasses
import re
from collections.abc import Callable, Iterator, Mapping
from pathlib import PurePosixPath

from ci.escaping import for_terminal, one_line
from ci.settings.lint import Severity

# The folder in its container of the service, or of its workspace; some tools write absolute paths.
HOME = "/app/"
# Most tools: a path, a line, perhaps a column, and the problem.
LINE = re.compile(r"^(?P<path>[\w./-]*\w\.\w+):(?P<line>\d+)(?::(?P<column>\d+))?: (?P<message>\S.*)$")
# ruff and zizmor: the problem, and on the next line its place.
BELOW = re.compile(r"^\s*--> (?P<path>\S+):(?P<line>\d+):(?P<column>\d+)$")
UNFORMATTED = re.compile(r"^Would reformat: (?P<path>\S+)$")
HADOLINT = re.compile(r"^(?P<path>[^\s:]+):(?P<line>\d+)(?::(?P<column>\d+))? (?P<message>\S.*)$")
STALE = re.compile(r"^error: The lockfile at `(?P<path>[^`]+)` needs to be updated")
# How severities are written: `DL3015 info: …`, `warning: …`, `error[unpinned-uses]: …`.
SEVERITY = re.compile(r"^(?:\w+ )?(error|warning|info|style|note|help)(?:\[[\w-]+\])?: ")
TOOLS_WITH_SEVERITIES = frozenset({"hadolint", "shellcheck", "zizmor"})
# pytest: a headline over each failure, a place for each call of the traceback, and the error.
HEADLINE = re.compile(r"^(?:_{3,} .* _{3,}|={3,}.*)$")
PLACE = re.compile(r"^(?P<path>\S+\.\w+):(?P<line>\d+):(?P<message>.*)$")
RAISED = re.compile(r"^E +(?P<message>\S.*)$")


@dataclasses.dataclass(frozen=True)
class Finding:
    """A problem with one line of the repository."""

    tool: str
    path: str
    line: int
    message: str
    column: int = 0

    @property
    def text(self) -> str:
        """The finding as people read it, and as editors and terminals link it."""
        column = f":{self.column}" if self.column else ""
        return one_line(f"{self.path}:{self.line}{column}: {self.message} ({self.tool})")

    @property
    def severity(self) -> Severity | None:
        """How bad the finding is; None: its tool has no severities, or does not say."""
        named = SEVERITY.match(self.message)
        # shellcheck's notes are info or style; zizmor's help is a low severity.
        milder: Severity = "info"
        severities: Mapping[str, Severity] = {"error": "error", "warning": "warning", "style": "style"}
        return severities.get(named[1], milder) if named else None

    @property
    def annotation(self) -> str:
        """The finding as GitHub's runner reads it: https://docs.github.com/en/actions/reference/workflow-commands."""
        levels = {"warning": "warning", "info": "notice", "style": "notice"}
        level = levels.get(self.severity or "", "error")
        place = {"file": self.path, "line": str(self.line), "col": str(self.column or ""), "title": self.tool}
        properties = ",".join(f"{name}={_escape(one_line(value), ':,')}" for name, value in place.items() if value)
        return f"::{level} {properties}::{_escape(for_terminal(self.message))}"


Found = Iterator[tuple[re.Match[str], str]]


def read_findings(tool: str, output: str, folder: str, home: str | None = None) -> Iterator[Finding]:
    """Read a tool's findings in files of a folder of the repository; `home` is the one at HOME, if that is another."""
    for place, message in READERS.get(tool, _read_lines)(output):
        known = place.groupdict()
        line, column = int(known.get("line") or 1), int(known.get("column") or 0)
        yield Finding(
            tool, _in_repository(place["path"], folder, folder if home is None else home), line, message, column
        )


def _read_lines(output: str) -> Found:
    return ((match, match["message"]) for line in dict.fromkeys(output.splitlines()) if (match := LINE.match(line)))


def _read_arrows(output: str) -> Found:
    message = ""
    for line in output.splitlines():
        if match := BELOW.match(line):
            yield match, message
        message = line.strip()


def _read_unformatted(output: str) -> Found:
    for line in output.splitlines():
        # Newer versions of ruff name the first line that differs.
        if match := UNFORMATTED.match(line) or BELOW.match(line):
            yield match, "is not formatted as `ruff format` does it"


def _read_hadolint(output: str) -> Found:
    return ((match, match["message"]) for line in output.splitlines() if (match := HADOLINT.match(line)))


def _read_uv_lock(output: str) -> Found:
    for line in output.splitlines():
        if match := STALE.match(line):
            yield match, "is not up to date with pyproject.toml: run `uv lock`"


def _read_pytest(output: str) -> Found:
    """Read each failure: the last place in the service's own files, and the first error."""
    place: re.Match[str] | None = None
    raised = ""
    for line in [*output.splitlines(), "==="]:
        if HEADLINE.match(line):
            if place and (raised or place["message"].strip()):
                yield place, raised or place["message"].strip()
            place, raised = None, ""
        elif (match := PLACE.match(line)) and (not line.startswith("/") or line.startswith(HOME)):
            place = match
        elif not raised and (found := RAISED.match(line)):
            raised = found["message"]


READERS: Mapping[str, Callable[[str], Found]] = {
    "pytest": _read_pytest,
    "ruff": _read_arrows,
    "ruff format": _read_unformatted,
    "hadolint": _read_hadolint,
    "uv lock": _read_uv_lock,
    "zizmor": _read_arrows,
}


def _in_repository(path: str, folder: str, home: str) -> str:
    return str(PurePosixPath(home, path.removeprefix(HOME)) if path.startswith(HOME) else PurePosixPath(folder, path))


def _escape(text: str, more: str = "") -> str:
    return "".join(f"%{ord(sign):02X}" if sign in f"%\r\n{more}" else sign for sign in text)
