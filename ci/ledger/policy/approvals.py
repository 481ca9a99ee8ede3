"""The rule about approvals, and the approvals that count."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from ci.ledger.errors import StatementError
from ci.ledger.history import Entry, History
from ci.ledger.policy.case import Case, ResolvedVersion, RuleResult, RuleResults, ValidApproval, describe_roles, join_or
from ci.ledger.records import AHEAD, ANONYMOUS, Approval, Build, DeliveryStart
from ci.ledger.signing.statements import parse_statement
from ci.settings import Settings, find_person, people_with_role


def approval_rule(case: Case, release: ResolvedVersion) -> RuleResults:
    """Refuse a release without its approvals; for a rollback or a restore, those of an earlier delivery count."""
    if case.input.action != "deploy" and _was_approved(case, release):
        return
    approvals, others = valid_approvals(case.settings, case.history, case.name, release.digest, case.input.now)
    missing = _describe_missing(case, release, approvals)
    if missing:
        yield RuleResult(missing + "".join(f"; {other}" for other in others))
    authors = author_names(case.settings, case.history, release.digest)
    unknown = [name for name in authors if name not in case.settings.people]
    if unknown and case.environment.approvals.count and not case.environment.approvals.by_author:
        what = f"{join_or(unknown)}, an author of {release.version}, is not listed under [people] in pipeline.toml"
        yield RuleResult(f"{case.name}: {what}: whether an author approved cannot be checked", refuses=False)


def valid_approvals(
    settings: Settings, history: History, environment: str, digest: str, now: datetime
) -> tuple[tuple[ValidApproval, ...], tuple[str, ...]]:
    """Return a digest's approvals that count, one per person, and a sentence for each person whose does not."""
    authors = author_names(settings, history, digest)
    valid: dict[str, ValidApproval] = {}
    others: dict[str, str] = {}
    for entry in history.of(Approval, environment=environment, digest=digest):
        person = entry.person
        since, expires = _times(settings, entry.record)
        name = person or entry.record.login or entry.record.actor
        why = _explain_invalid(settings, entry, authors) or _explain_times(since, expires, now)
        if why:
            others[name] = f"that of {name} does not count: {why}"
        else:
            valid[person] = ValidApproval(person=person, record=entry.id, source=entry.record.source, expires=expires)
    return tuple(valid.values()), tuple(why for person, why in others.items() if person not in valid)


def author_names(settings: Settings, history: History, digest: str) -> tuple[str, ...]:
    """Return the authors of a release and the actors of its builds: people, or unknown names of the records."""
    found: dict[str, None] = {}
    # All records count: a second one must not remove an author.
    for entry in history.of(Build):
        if entry.record.digest == digest:
            actor = entry.record.actor if entry.record.actor != ANONYMOUS else ""
            names = (entry.record.author, actor, entry.signer)
            found |= {find_person(settings.people, name) or name: None for name in names if name}
    return tuple(found)


def _times(settings: Settings, approval: Approval) -> tuple[datetime, datetime]:
    """Return an approval's date and its end, which is not later than the environment allows."""
    try:
        since = parse_statement(approval.statement).at
    except StatementError:
        since = approval.at
    # Shortened instead of ignored: a rollback needs the approvals of earlier deliveries, whatever the settings were.
    longest = timedelta(seconds=settings.environment(approval.environment).approvals.valid_for)
    return since, min(approval.expires, since + longest)


def _explain_invalid(settings: Settings, entry: Entry[Approval], authors: Sequence[str]) -> str:
    rules, person = settings.environment(entry.record.environment).approvals, entry.person
    if not person:
        github = entry.record.source == "github"
        return "GitHub did not confirm it now" if github else "no valid signature covers it"
    if person not in settings.people:
        return "the person is not listed under [people] in pipeline.toml"
    if person not in people_with_role(settings.people, rules.roles):
        return f"it takes {describe_roles(rules.roles)}" if rules.roles else "no approval is needed"
    if not rules.by_author and person in authors:
        return "the person wrote or built the release"
    return ""


def _explain_times(since: datetime, expires: datetime, now: datetime) -> str:
    if since > now + AHEAD:
        return f"it is dated {since:%Y-%m-%d %H:%M} UTC, which has not come yet"
    return f"it expired {expires:%Y-%m-%d %H:%M} UTC" if expires <= now else ""


def _describe_missing(case: Case, release: ResolvedVersion, approvals: Sequence[ValidApproval]) -> str:
    rules, people = case.environment.approvals, case.settings.people
    have = [approval.person for approval in approvals]
    roles = [role for role in rules.including if not set(people_with_role(people, [role])) & set(have)]
    if not rules.count or (len(have) >= rules.count and not roles):
        return ""
    excluded = [*have, *(() if rules.by_author else author_names(case.settings, case.history, release.digest))]
    missing = [f"one by a person with {_describe_able(case, [role], excluded)}" for role in roles]
    if (more := rules.count - len(have) - len(roles)) > 0:
        missing.append(
            f"{more}{' more' if roles else ''} by a person with {_describe_able(case, rules.roles, excluded)}"
        )
    so_far = f" ({', '.join(have)})" if have else ""
    what = f"{release.version} has {len(have)} of {rules.count} approvals{so_far}; missing: {' and '.join(missing)}"
    return f"{case.name}: {what}: {case.command('approve', version=release.version)}"


def _describe_able(case: Case, roles: Sequence[str], excluded: Sequence[str]) -> str:
    people = [name for name in people_with_role(case.settings.people, roles) if name not in excluded]
    who = f"{join_or(people)} could approve" if people else "no other person has it: add it to one under [people]"
    return f"{describe_roles(roles)} ({who})"


def _was_approved(case: Case, release: ResolvedVersion) -> bool:
    """Return whether a delivery after which the release served began with the approvals that it needs."""
    starts = {entry.id: entry.record for entry in case.history.of(DeliveryStart, environment=case.name)}
    ids = [entry.id for entry in case.history.entries]
    for entry in case.served(case.name):
        if entry.record.digest != release.digest:
            continue
        earlier = History(case.history.entries[: ids.index(entry.id)])
        at = starts.get(entry.record.start, entry.record).at
        approvals, _ = valid_approvals(case.settings, earlier, case.name, release.digest, at)
        if not _describe_missing(case, release, approvals):
            return True
    return False
