"""GitHub's confirmation of the approvals that the ledger holds copies of."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

from ci.ledger.errors import RefusedError, StatementError
from ci.ledger.github.client import Github
from ci.ledger.github.errors import GithubDeniedError, GithubError
from ci.ledger.github.reviews import RunApprovals, read_run_approvals
from ci.ledger.history import Entry, History
from ci.ledger.records import Approval
from ci.ledger.signing.statements import parse_statement
from ci.settings import Settings


@dataclass
class ApprovalReader:
    """Reads approvals from GitHub, each run once."""

    github: Github
    settings: Settings
    # Whether approvals of runs count that did not end well.
    also_failed: bool = False
    _answers: dict[tuple[str, str, str], RunApprovals | GithubError | RefusedError] = field(default_factory=dict)

    @classmethod
    @asynccontextmanager
    async def connect(
        cls, settings: Settings, token_file: str, *, also_failed: bool = False
    ) -> AsyncIterator["ApprovalReader"]:
        """Connect to the settings' API with the token in a file."""
        async with Github.connect(settings.github.api, read_token(token_file)) as github:
            yield cls(github, settings, also_failed)

    async def read(self, environment: str, version: str, run: str) -> RunApprovals:
        """Read who approved a version by a run.

        Raises:
            GithubError: GitHub does not answer, or there is no such run.
            RefusedError: The run does not belong to the workflow that deploys this version there, or did not end well.
        """
        key = (environment, version, run)
        if key not in self._answers:
            try:
                self._answers[key] = await read_run_approvals(
                    self.github, self.settings, *key, also_failed=self.also_failed
                )
            except (GithubError, RefusedError) as error:
                self._answers[key] = error
        answer = self._answers[key]
        if isinstance(answer, Exception):
            raise answer
        return answer

    async def confirm(self, history: History, environment: str, version: str) -> tuple[History, tuple[str, ...], bool]:
        """Confirm a version's (empty: every version's) approvals from GitHub; confirmed ones get their person.

        Returns the history, a sentence for each approval that GitHub does not confirm, and whether GitHub answered
        about all of them.
        """
        found: dict[str, str] = {}
        others: dict[str, None] = {}
        complete = True
        for entry in github_approvals(history, environment, version):
            record = entry.record
            try:
                approvals = await self.read(environment, record.version, record.run)
            except RefusedError as error:
                others[str(error)] = None
            except GithubError as error:
                others[f"{environment}: {error}"], complete = None, False
            else:
                if confirms(approvals, record):
                    found[entry.id] = approvals.people[record.login]
                else:
                    login = record.login or "an unknown login"
                    what = f"GitHub does not confirm an approval by {login} in run {record.run}"
                    others[f"{environment}: the record {entry.id[:12]} does not count: {what}"] = None
        return with_people(history, found), tuple(others), complete


def github_approvals(history: History, environment: str, version: str) -> tuple[Entry[Approval], ...]:
    """Return the approvals of a version (empty: of any) in an environment that came from GitHub."""
    entries = history.of(Approval, environment=environment, version=version)
    return tuple(entry for entry in entries if entry.record.source == "github")


def with_people(history: History, people: Mapping[str, str]) -> History:
    """Return a history whose entries have these people, by the entries' IDs."""
    entries = (replace(entry, person=people[entry.id]) if entry.id in people else entry for entry in history.entries)
    return replace(history, entries=tuple(entries))


def confirms(approvals: RunApprovals, record: Approval) -> bool:
    """Return whether a run's approvals contain what a record copied from them."""
    try:
        statement = parse_statement(record.statement)
    except StatementError:
        return False
    # GitHub's times are more precise than a statement's.
    at = approvals.at.replace(microsecond=0)
    return record.login in approvals.people and statement.at == at and statement.matches(record)


def read_token(path: str) -> str:
    """Read the token.

    Raises:
        GithubDeniedError: The file cannot be read, or holds no token.
    """
    try:
        token = Path(path).read_text().strip()
    except (OSError, UnicodeDecodeError) as error:
        raise GithubDeniedError(f"{path}: cannot read GitHub's token: {error}") from error
    if not token.isascii() or not token.isprintable() or not token:
        raise GithubDeniedError(f"{path}: GitHub's token is empty or has invalid characters: see docs/github.md")
    return token
