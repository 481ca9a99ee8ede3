"""Whether somebody forbade a release."""

from ci.ledger.history import Entry, History
from ci.ledger.policy.case import Case, Finding, Findings, Release, helpers, with_roles
from ci.ledger.records import Denial, Lift
from ci.settings import Settings, with_role


def denial_rule(case: Case, release: Release) -> Findings:
    """Refuse a release that is denied, whatever else speaks for it."""
    roles = case.environment.approvals.roles
    lift = case.command("lift", version=release.version, extra="--reason …")
    who = f"it takes {with_roles(roles)}: {helpers(case.settings, roles)}" if roles else "anybody under [people] could"
    for entry in standing_denials(case.settings, case.history, case.name, release.digest):
        what = f"{release.version} is denied by {entry.stated}: {entry.record.reason}"
        yield Finding(f"{case.name}: {what}; to lift that {who}: {lift}")


def standing_denials(settings: Settings, history: History, environment: str, digest: str) -> tuple[Entry[Denial], ...]:
    """Return the denials of a digest that nobody lifted; anybody under [people] may deny, approvers may lift."""
    roles = settings.environment(environment).approvals.roles
    lifters = with_role(settings.people, roles) if roles else tuple(settings.people)
    found: list[Entry[Denial]] = []
    for entry in history.environment(environment):
        record = entry.record
        if isinstance(record, Denial) and record.digest == digest and entry.stated in settings.people:
            found.append(Entry(entry.id, record, entry.signer, entry.stated))
        elif isinstance(record, Lift) and record.digest == digest and entry.stated in lifters:
            found.clear()
    return tuple(found)
