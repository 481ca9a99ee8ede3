"""What the tests and the linters complain about, line by line: for GitHub to annotate, and to read at the terminal."""

import dataclasses
import re
from collections.abc import Iterator, Mapping

import dagger

from ci.settings import Settings
from ci.stages import lint
from ci.stages.database import with_database
from ci.stages.toolchain import workbench

# Where the service is in its container; some tools write whole paths.
HOME = "/app/"
# All of them can say it so: a path, a line, perhaps a column, and what is wrong.
COMPLAINT = re.compile(r"^(?P<path>[\w./-]*\w\.\w+):(?P<line>\d+)(?::(?P<column>\d+))?:? (?P<message>\S.*)$")
UNFORMATTED = re.compile(r"^Would reformat: (?P<path>\S+)$")
LINTERS: Mapping[str, list[str]] = {
    "ruff": [*lint.RUFF, "--output-format=concise"],
    "ruff format": lint.RUFF_FORMAT,
    "mypy": lint.MYPY,
}


@dataclasses.dataclass(frozen=True)
class Complaint:
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


async def complaints(settings: Settings, service: dagger.Directory) -> tuple[Complaint, ...]:
    """Run the tests and the linters, and return what they complain about; that they do is no error here."""
    bench = workbench(settings, service)
    pytest = ["python", "-m", "pytest", settings.app.tests.unit, "--color=no", "--tb=line", "--no-header"]
    containers = {name: _whatever_comes(bench, command) for name, command in LINTERS.items()}
    containers["pytest"] = _whatever_comes(bench.with_(with_database(settings, "test")), pytest)
    found: list[Complaint] = []
    for name, container in containers.items():
        said = f"{await container.stdout()}\n{await container.stderr()}"
        found += read_complaints(name, said, settings.app.path)
    return tuple(found)


def read_complaints(tool: str, said: str, folder: str) -> Iterator[Complaint]:
    """Read what a tool said about files of a folder of the repository."""
    for line in dict.fromkeys(said.splitlines()):
        if match := UNFORMATTED.match(line):
            yield Complaint(tool, _in_repository(match["path"], folder), 1, "is formatted otherwise than `ruff format`")
        elif match := COMPLAINT.match(line):
            path, column = _in_repository(match["path"], folder), int(match["column"] or 0)
            yield Complaint(tool, path, int(match["line"]), match["message"], column)


def _whatever_comes(container: dagger.Container, command: list[str]) -> dagger.Container:
    return container.with_exec(command, expect=dagger.ReturnType.ANY)


def _in_repository(path: str, folder: str) -> str:
    inside = path.removeprefix(HOME)
    return inside if folder in {"", "."} else f"{folder.rstrip('/')}/{inside}"


def _escaped(text: str, more: str = "") -> str:
    return "".join(f"%{ord(sign):02X}" if sign in f"%\r\n{more}" else sign for sign in text)
