"""Writing down what a run's reviewers said, as far as it counts."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from ci.ledger.builds import stored_build
from ci.ledger.errors import RefusedError
from ci.ledger.github.approvals import Reviewed
from ci.ledger.github.consultation import from_github, tells
from ci.ledger.history import History
from ci.ledger.policy import approvals_for
from ci.ledger.records import Approval
from ci.ledger.signing.statements import Statement
from ci.ledger.store.store import Ledger
from ci.settings import Settings


@dataclass(frozen=True)
class Recorded:
    """The history with the approvals in it, who gave them, and a sentence for each that does not count."""

    history: History
    people: Sequence[str]
    others: Sequence[str]


async def record_reviews(
    ledger: Ledger, history: History, settings: Settings, about: tuple[str, str, str], said: Reviewed
) -> Recorded:
    """Record the approvals that count and are not recorded yet; `about` is an environment, a version and a run.

    Raises:
        RefusedError: There is no such release.
    """
    environment, version, run = about
    statement = _statement(settings, history, environment, version, said)
    people, others = [], list(said.others)
    for login, person in said.people.items():
        known = [entry for entry in from_github(history, environment, version) if entry.record.run == run]
        if any(entry.record.login == login and tells(said, entry.record) for entry in known):
            people.append(person)
            continue
        written = {"statement": statement.text, "signature": "", "source": "github", "run": run, "login": login}
        place = {"environment": environment, "version": version, "digest": statement.digest}
        draft = await ledger.draft(history, Approval, **place, **written, expires=statement.expires)
        draft = replace(draft, entry=replace(draft.entry, stated=person))
        if why := _why_not(settings, history.followed_by(draft.entry), draft.entry.record, draft.entry.id, person):
            others.append(f"{environment}: on GitHub: {why}")
        else:
            history = await ledger.commit(history, draft)
            people.append(person)
    return Recorded(history, people, others)


def _why_not(settings: Settings, history: History, record: Approval, name: str, person: str) -> str:
    given, others = approvals_for(settings, history, record.environment, record.digest, datetime.now(UTC))
    if name in [one.record for one in given]:
        return ""
    return next(
        (other for other in others if other.startswith(f"that of {person} ")), f"that of {person} is not needed"
    )


def _statement(settings: Settings, history: History, environment: str, version: str, said: Reviewed) -> Statement:
    build = stored_build(history, version)
    if build is None:
        raise RefusedError(f"{environment}: {version} was never built: see `ci call history`")
    at = said.at.replace(microsecond=0)
    return Statement(
        act="approve",
        app=settings.app.name,
        environment=environment,
        version=version,
        digest=build.record.digest,
        at=at,
        expires=at + timedelta(seconds=int(settings.environment(environment).approvals.valid_for)),
    )
