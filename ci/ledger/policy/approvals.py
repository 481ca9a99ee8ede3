"""Whether the right people approve of a release."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from ci.ledger.errors import StatementError
from ci.ledger.history import Entry, History
from ci.ledger.policy.case import Case, Finding, Findings, Given, Release, either, with_roles
from ci.ledger.policy.standing import successes
from ci.ledger.records import Approval, Build, Start
from ci.ledger.signing.statements import read_statement
from ci.settings import Settings, known_as, with_role


def approval_rule(case: Case, release: Release) -> Findings:
    """Refuse a release that too few people approve of, or that was never approved where it goes back to."""
    if case.wanted.action != "deploy" and _was_approved(case, release):
        return
    given, others = approvals_for(case.settings, case.history, case.name, release.digest, case.wanted.now)
    missing = _missing(case, release, given)
    if missing:
        yield Finding(missing + "".join(f"; {other}" for other in others))
    authors = author_names(case.settings, case.history, release.digest)
    unknown = [name for name in authors if name not in case.settings.people]
    if unknown and case.environment.approvals.count and not case.environment.approvals.by_author:
        what = f"{either(unknown)}, who made {release.version}, is nobody under [people] in pipeline.toml"
        yield Finding(f"{case.name}: {what}: whether they approve of it themselves cannot be told", refuses=False)


def approvals_for(
    settings: Settings, history: History, environment: str, digest: str, now: datetime
) -> tuple[tuple[Given, ...], tuple[str, ...]]:
    """Return a digest's approvals that count, one a person, and a sentence for each person whose does not."""
    authors = author_names(settings, history, digest)
    given: dict[str, Given] = {}
    others: dict[str, str] = {}
    for entry in history.of(Approval, environment=environment, digest=digest):
        person = entry.stated
        expires = _expiry(settings, entry.record)
        name = person or entry.record.login or entry.record.by
        why = _why_not(settings, entry, authors) or _expired(expires, now)
        if why:
            others[name] = f"that of {name} does not count: {why}"
        else:
            given[person] = Given(person=person, record=entry.id, source=entry.record.source, expires=expires)
    return tuple(given.values()), tuple(why for person, why in others.items() if person not in given)


def author_names(settings: Settings, history: History, digest: str) -> tuple[str, ...]:
    """Name who wrote a release or ran its build: people, or what the records say of somebody unknown."""
    found: dict[str, None] = {}
    # By every record, since a second one must not make anybody less of an author.
    for entry in history.of(Build):
        if entry.record.digest == digest:
            names = (entry.record.author, entry.record.by if entry.record.by != "anonymous" else "", entry.signer)
            found |= {known_as(settings.people, name) or name: None for name in names if name}
    return tuple(found)


def _expiry(settings: Settings, approval: Approval) -> datetime:
    try:
        since = read_statement(approval.statement).at
    except StatementError:
        since = approval.at
    longest = timedelta(seconds=settings.environment(approval.environment).approvals.valid_for)
    return min(approval.expires, since + longest)


def _why_not(settings: Settings, entry: Entry[Approval], authors: Sequence[str]) -> str:
    rules, person = settings.environment(entry.record.environment).approvals, entry.stated
    if not person:
        github = entry.record.source == "github"
        return "GitHub did not tell of it now" if github else "nobody's valid signature is under it"
    if person not in settings.people:
        return "they are nobody under [people] in pipeline.toml"
    if person not in with_role(settings.people, rules.roles):
        return f"it takes {with_roles(rules.roles)}" if rules.roles else "none is needed"
    if not rules.by_author and person in authors:
        return "they wrote or built it"
    return ""


def _expired(expires: datetime, now: datetime) -> str:
    return f"it expired {expires:%Y-%m-%d %H:%M} UTC" if expires <= now else ""


def _missing(case: Case, release: Release, given: Sequence[Given]) -> str:
    rules, people = case.environment.approvals, case.settings.people
    have = [one.person for one in given]
    roles = [role for role in rules.including if not set(with_role(people, [role])) & set(have)]
    if not rules.count or (len(have) >= rules.count and not roles):
        return ""
    barred = [*have, *(() if rules.by_author else author_names(case.settings, case.history, release.digest))]
    missing = [f"one by {_able(case, [role], barred)}" for role in roles]
    if (more := rules.count - len(have) - len(roles)) > 0:
        missing.append(f"{more}{' more' if roles else ''} by {_able(case, rules.roles, barred)}")
    so_far = f" ({', '.join(have)})" if have else ""
    what = f"{release.version} has {len(have)} of {rules.count} approvals{so_far}; missing: {' and '.join(missing)}"
    return f"{case.name}: {what}: {case.command('approve', version=release.version)}"


def _able(case: Case, roles: Sequence[str], barred: Sequence[str]) -> str:
    people = [name for name in with_role(case.settings.people, roles) if name not in barred]
    who = f"{either(people)} could give it" if people else "nobody else has it: give it to somebody under [people]"
    return f"somebody with {with_roles(roles)} ({who})"


def _was_approved(case: Case, release: Release) -> bool:
    starts = {entry.id: entry.record for entry in case.history.of(Start, environment=case.name)}
    ids = [entry.id for entry in case.history.entries]
    for entry in successes(case.history, case.name, lambda found: case.trusts(found, case.name)):
        if entry.record.digest != release.digest:
            continue
        earlier = History(case.history.entries[: ids.index(entry.id)])
        at = starts.get(entry.record.start, entry.record).at
        given, _ = approvals_for(case.settings, earlier, case.name, release.digest, at)
        if not _missing(case, release, given):
            return True
    return False
