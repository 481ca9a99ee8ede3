"""Lines of the repository that a tool complains about, read from what the tool printed."""

import dataclasses
import re
from collections.abc import Callable, Iterator, Mapping

# Where the service is in its container; some tools write whole paths.
HOME = "/app/"
# How most say it: a path, a line, perhaps a column, and what is wrong.
LINE = re.compile(r"^(?P<path>[\w./-]*\w\.\w+):(?P<line>\d+)(?::(?P<column>\d+))?: (?P<message>\S.*)$")
# ruff and zizmor: what is wrong, and on the next line where.
BELOW = re.compile(r"^\s*--> (?P<path>\S+):(?P<line>\d+):(?P<column>\d+)$")
UNFORMATTED = re.compile(r"^Would reformat: (?P<path>\S+)$")
HADOLINT = re.compile(r"^(?P<path>\S+?):(?P<line>\d+) (?P<message>\S.*)$")
# pytest: a headline over each failure, a place for each call on the way, and what was raised.
HEADLINE = re.compile(r"^(?:_{3,} .* _{3,}|={3,}.*)$")
PLACE = re.compile(r"^(?P<path>\S+\.\w+):(?P<line>\d+):(?P<message>.*)$")
RAISED = re.compile(r"^E +(?P<message>\S.*)$")


@dataclasses.dataclass(frozen=True)
class Finding:
    """What is wrong with a line of the repository."""

    tool: str
    path: str
    line: int
    message: str
    column: int = 0

    @property
    def text(self) -> str:
        """The line as people read it, and as editors and terminals link it."""
        column = f":{self.column}" if self.column else ""
        return f"{self.path}:{self.line}{column}: {self.message} ({self.tool})"

    @property
    def annotation(self) -> str:
        """The line as GitHub's runner reads it: https://docs.github.com/en/actions/reference/workflow-commands."""
        level = "notice" if self.message.startswith("note: ") else "error"
        place = {"file": self.path, "line": str(self.line), "col": str(self.column or ""), "title": self.tool}
        properties = ",".join(f"{name}={_escaped(value, ':,')}" for name, value in place.items() if value)
        return f"::{level} {properties}::{_escaped(self.message)}"


Found = Iterator[tuple[re.Match[str], str]]


def read_findings(tool: str, said: str, folder: str) -> Iterator[Finding]:
    """Read what a tool said about files of a folder of the repository."""
    for place, message in READERS.get(tool, _lines)(said):
        known = place.groupdict()
        line, column = int(known.get("line") or 1), int(known.get("column") or 0)
        yield Finding(tool, _in_repository(place["path"], folder), line, message, column)


def _lines(said: str) -> Found:
    return ((match, match["message"]) for line in dict.fromkeys(said.splitlines()) if (match := LINE.match(line)))


def _below(said: str) -> Found:
    message = ""
    for line in said.splitlines():
        if match := BELOW.match(line):
            yield match, message
        message = line.strip()


def _formatted(said: str) -> Found:
    for line in said.splitlines():
        if match := UNFORMATTED.match(line):
            yield match, "is formatted otherwise than `ruff format`"


def _hadolint(said: str) -> Found:
    return ((match, match["message"]) for line in said.splitlines() if (match := HADOLINT.match(line)))


def _pytest(said: str) -> Found:
    """Read each failure: the last place in the service's own files, and what was raised first."""
    place: re.Match[str] | None = None
    raised = ""
    for line in [*said.splitlines(), "==="]:
        if HEADLINE.match(line):
            if place and (raised or place["message"].strip()):
                yield place, raised or place["message"].strip()
            place, raised = None, ""
        elif (match := PLACE.match(line)) and (not line.startswith("/") or line.startswith(HOME)):
            place = match
        elif not raised and (found := RAISED.match(line)):
            raised = found["message"]


READERS: Mapping[str, Callable[[str], Found]] = {
    "pytest": _pytest,
    "ruff": _below,
    "ruff format": _formatted,
    "hadolint": _hadolint,
    "zizmor": _below,
}


def _in_repository(path: str, folder: str) -> str:
    inside = path.removeprefix(HOME)
    return inside if folder in {"", "."} else f"{folder.rstrip('/')}/{inside}"


def _escaped(text: str, more: str = "") -> str:
    return "".join(f"%{ord(sign):02X}" if sign in f"%\r\n{more}" else sign for sign in text)
