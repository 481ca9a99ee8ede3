"""A conversation with GitHub, about what the ledger says that somebody approved of there."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

from ci.ledger.errors import RefusedError, StatementError
from ci.ledger.github.approvals import Reviewed, reviewed
from ci.ledger.github.client import Github
from ci.ledger.github.errors import GithubDeniedError, GithubError
from ci.ledger.history import Entry, History
from ci.ledger.records import Approval
from ci.ledger.signing.statements import read_statement
from ci.settings import Settings


@dataclass
class Consultation:
    """GitHub is asked once about each run."""

    github: Github
    settings: Settings
    _answers: dict[tuple[str, str, str], Reviewed | GithubError | RefusedError] = field(default_factory=dict)

    @classmethod
    @asynccontextmanager
    async def of(cls, settings: Settings, token_file: str) -> AsyncIterator["Consultation"]:
        """Connect to where the settings say, with the token in a file."""
        async with Github.connect(settings.github.api, read_token(token_file)) as github:
            yield cls(github, settings)

    async def reviewed(self, environment: str, version: str, run: str) -> Reviewed:
        """Read who approved of a version by a run.

        Raises:
            GithubError: GitHub cannot be asked, or there is no such run.
            RefusedError: It is no run of the workflow that deploys this version there.
        """
        asked = (environment, version, run)
        if asked not in self._answers:
            try:
                self._answers[asked] = await reviewed(self.github, self.settings, *asked)
            except (GithubError, RefusedError) as error:
                self._answers[asked] = error
        answer = self._answers[asked]
        if isinstance(answer, Exception):
            raise answer
        return answer

    async def confirmed(
        self, history: History, environment: str, version: str
    ) -> tuple[History, tuple[str, ...], bool]:
        """Ask again about a version's (empty: every) approvals from GitHub; those that it tells of have their person.

        Returns the history, a sentence about each that it does not tell of, and whether each could be asked about.
        """
        found: dict[str, str] = {}
        others: dict[str, None] = {}
        complete = True
        for entry in from_github(history, environment, version):
            record = entry.record
            try:
                said = await self.reviewed(environment, record.version, record.run)
            except RefusedError as error:
                others[str(error)] = None
            except GithubError as error:
                others[f"{environment}: {error}"], complete = None, False
            else:
                if tells(said, record):
                    found[entry.id] = said.people[record.login]
                else:
                    what = f"GitHub does not tell of an approval by {record.login or 'nobody'} in run {record.run}"
                    others[f"{environment}: the record {entry.id[:12]} does not count: {what}"] = None
        return standing_behind(history, found), tuple(others), complete


def from_github(history: History, environment: str, version: str) -> tuple[Entry[Approval], ...]:
    """Return the approvals of a version (empty: of any) in an environment that came from GitHub."""
    entries = history.of(Approval, environment=environment, version=version)
    return tuple(entry for entry in entries if entry.record.source == "github")


def standing_behind(history: History, people: Mapping[str, str]) -> History:
    """Return a history in which people stand behind records, by their ids."""
    entries = (replace(entry, stated=people[entry.id]) if entry.id in people else entry for entry in history.entries)
    return replace(history, entries=tuple(entries))


def tells(said: Reviewed, record: Approval) -> bool:
    """Tell whether GitHub says what a record says."""
    try:
        statement = read_statement(record.statement)
    except StatementError:
        return False
    # GitHub keeps more of the time than a statement has.
    at = said.at.replace(microsecond=0)
    return record.login in said.people and statement.at == at and statement.matches(record)


def read_token(path: str) -> str:
    """Read the token.

    Raises:
        GithubDeniedError: The file cannot be read, or holds none.
    """
    try:
        token = Path(path).read_text().strip()
    except (OSError, UnicodeDecodeError) as error:
        raise GithubDeniedError(f"{path}: cannot read GitHub's token: {error}") from error
    if not token.isascii() or not token.isprintable() or not token:
        raise GithubDeniedError("GitHub's token is empty or no token: see docs/github.md")
    return token
