"""Records of the approvals that a run's reviewers gave."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from ci.ledger.builds import stored_build
from ci.ledger.errors import RefusedError
from ci.ledger.github.confirmation import confirms, github_approvals
from ci.ledger.github.reviews import RunApprovals
from ci.ledger.history import Entry, History
from ci.ledger.policy import valid_approvals
from ci.ledger.records import Approval
from ci.ledger.signing.statements import Statement
from ci.ledger.store.store import Ledger
from ci.settings import Settings


@dataclass(frozen=True)
class RecordedReviews:
    """The history with the recorded approvals, their people, and a sentence for each approval that does not count."""

    history: History
    people: Sequence[str]
    others: Sequence[str]


async def record_reviews(
    ledger: Ledger, history: History, settings: Settings, about: tuple[str, str, str], approvals: RunApprovals
) -> RecordedReviews:
    """Record the approvals that count and are not recorded yet; `about` is an environment, a version and a run.

    Raises:
        RefusedError: The version was never built.
    """
    environment, version, run = about
    statement = _statement(settings, history, environment, version, approvals)
    people, others = [], list(approvals.others)
    for login, person in approvals.people.items():
        known = [entry for entry in github_approvals(history, environment, version) if entry.record.run == run]
        if any(entry.record.login == login and confirms(approvals, entry.record) for entry in known):
            people.append(person)
            continue
        copied = {"statement": statement.text, "signature": "", "source": "github", "run": run, "login": login}
        where = {"environment": environment, "version": version, "digest": statement.digest}
        draft = await ledger.draft(history, Approval, **where, **copied, expires=statement.expires)
        draft = replace(draft, entry=replace(draft.entry, person=person))
        if why := _explain_invalid(settings, history.with_entry(draft.entry), draft.entry):
            others.append(f"{environment}: on GitHub: {why}")
        else:
            history = await ledger.commit(history, draft)
            people.append(person)
    return RecordedReviews(history, people, others)


def _explain_invalid(settings: Settings, history: History, entry: Entry[Approval]) -> str:
    record, person = entry.record, entry.person
    valid, others = valid_approvals(settings, history, record.environment, record.digest, datetime.now(UTC))
    if entry.id in [approval.record for approval in valid]:
        return ""
    not_needed = f"that of {person} is not needed"
    return next((other for other in others if other.startswith(f"that of {person} ")), not_needed)


def _statement(
    settings: Settings, history: History, environment: str, version: str, approvals: RunApprovals
) -> Statement:
    build = stored_build(history, version)
    if build is None:
        raise RefusedError(f"{environment}: {version} was never built: see `ci call history`")
    at = approvals.at.replace(microsecond=0)
    return Statement(
        act="approve",
        app=settings.app.name,
        environment=environment,
        version=version,
        digest=build.record.digest,
        at=at,
        expires=at + timedelta(seconds=int(settings.environment(environment).approvals.valid_for)),
    )
