"""All rules together."""

from ci.ledger.history import History
from ci.ledger.policy.actors import actor_rule, ledger_rule
from ci.ledger.policy.approvals import approval_rule, approvals_for
from ci.ledger.policy.case import Admission, Case, Finding, Findings, Release, Wanted
from ci.ledger.policy.denials import denial_rule
from ci.ledger.policy.features import feature_rule, features_of
from ci.ledger.policy.freezes import active_freezes, freeze_rule, overridden
from ci.ledger.policy.migrations import migration_rule
from ci.ledger.policy.promotion import built, dirty_rule, order_rule
from ci.ledger.policy.rollback import gone_back
from ci.ledger.policy.standing import standings
from ci.settings import Settings


def admission(settings: Settings, history: History, wanted: Wanted) -> Admission:
    """Decide whether what is wanted may be done, and say everything that speaks against it at once.

    Raises:
        SettingsError: There is no such environment.
    """
    settings.environment(wanted.environment)
    own = tuple(entry for entry in history.entries if entry.record.app == settings.app.name)
    case = Case(settings, History(own, history.problems), wanted)
    release, found = built(case) if wanted.action == "deploy" else gone_back(case)
    findings = [*actor_rule(case), *ledger_rule(case), *found, *freeze_rule(case)]
    findings += _about(case, release) if release else []
    return _answer(case, release, findings)


def _about(case: Case, release: Release) -> Findings:
    yield from denial_rule(case, release)
    yield from approval_rule(case, release)
    yield from migration_rule(case, release)
    # What goes back went the whole way once.
    if case.wanted.action == "deploy":
        yield from dirty_rule(case, release)
        yield from order_rule(case, release)
        yield from feature_rule(case, release)


def _answer(case: Case, release: Release | None, findings: list[Finding]) -> Admission:
    wanted, serving = case.wanted, case.history.serving(case.name)
    given, _ = (
        approvals_for(case.settings, case.history, case.name, release.digest, wanted.now) if release else ((), ())
    )
    standing = standings(case.history, case.name, lambda entry: case.trusts(entry, case.name))
    frozen = wanted.action == "deploy" and active_freezes(case.environment.freezes, wanted.now)
    return Admission(
        environment=case.name,
        action=wanted.action,
        version=release.version if release else wanted.version,
        image=release.image if release else "",
        digest=release.digest if release else "",
        from_version=serving.record.version if serving else "",
        from_digest=serving.record.digest if serving else "",
        features=features_of(case, release) if release else (),
        approvals=given,
        proven=bool(release and release.digest in standing and standing[release.digest].good),
        override=wanted.override if frozen and overridden(case) else "",
        warnings=tuple(finding.sentence for finding in findings if not finding.refuses),
        refusals=tuple(finding.sentence for finding in findings if finding.refuses),
    )
