"""The rule about denials."""

from ci.ledger.history import Entry, History
from ci.ledger.policy.case import Case, ResolvedVersion, RuleResult, RuleResults, describe_helpers, describe_roles
from ci.ledger.records import Denial, Lift
from ci.settings import Settings, people_with_role


def denial_rule(case: Case, release: ResolvedVersion) -> RuleResults:
    """Refuse a denied release."""
    roles = case.environment.approvals.roles
    command = case.command("lift", version=release.version, extra="--reason …")
    helpers = f"takes {describe_roles(roles)}: {describe_helpers(case.settings, roles)}" if roles else ""
    lift = f"to lift the denial {helpers or 'takes any person under [people]'}: {command}"
    for entry in active_denials(case.settings, case.history, case.name, release.digest):
        what = f"{release.version} is denied by {entry.person}: {entry.record.reason}"
        yield RuleResult(f"{case.name}: {what}; {lift}")


def active_denials(settings: Settings, history: History, environment: str, digest: str) -> tuple[Entry[Denial], ...]:
    """Return the denials of a digest that were not lifted; any person may deny, and approvers may lift."""
    roles = settings.environment(environment).approvals.roles
    lifters = people_with_role(settings.people, roles) if roles else tuple(settings.people)
    found: list[Entry[Denial]] = []
    for entry in history.of_environment(environment):
        record = entry.record
        if isinstance(record, Denial) and record.digest == digest and entry.person in settings.people:
            found.append(Entry(entry.id, record, entry.signer, entry.person))
        elif isinstance(record, Lift) and record.digest == digest and entry.person in lifters:
            found.clear()
    return tuple(found)
