"""The decision: all rules together."""

from ci.ledger.history import History
from ci.ledger.policy.actors import actor_rule, ledger_rule
from ci.ledger.policy.approvals import approval_rule, valid_approvals
from ci.ledger.policy.case import Case, Decision, PolicyInput, ResolvedVersion, RuleResult, RuleResults
from ci.ledger.policy.denials import denial_rule
from ci.ledger.policy.features import feature_rule, features_of
from ci.ledger.policy.freeze_windows import active_windows, freeze_rule, is_overridden
from ci.ledger.policy.migrations import migration_rule
from ci.ledger.policy.promotion import dirty_rule, order_rule, resolve_build
from ci.ledger.policy.rollback import choose_release
from ci.settings import Settings


def decide(settings: Settings, history: History, wanted: PolicyInput) -> Decision:
    """Decide whether a delivery is allowed; the decision holds every refusal at once.

    Raises:
        SettingsError: There is no such environment.
    """
    settings.environment(wanted.environment)
    own = tuple(entry for entry in history.entries if entry.record.app == settings.app.name)
    case = Case(settings, History(own, history.problems), wanted)
    release, found = resolve_build(case) if wanted.action == "deploy" else choose_release(case)
    results = [*actor_rule(case), *ledger_rule(case), *found, *freeze_rule(case)]
    results += _check_release(case, release) if release else []
    return _decision(case, release, results)


def _check_release(case: Case, release: ResolvedVersion) -> RuleResults:
    yield from denial_rule(case, release)
    yield from approval_rule(case, release)
    yield from migration_rule(case, release)
    # The release of a rollback or a restore was promoted once.
    if case.input.action == "deploy":
        yield from dirty_rule(case, release)
        yield from order_rule(case, release)
        yield from feature_rule(case, release)


def _decision(case: Case, release: ResolvedVersion | None, results: list[RuleResult]) -> Decision:
    asked, current = case.input, case.history.current(case.name)
    approvals, _ = (
        valid_approvals(case.settings, case.history, case.name, release.digest, asked.now) if release else ((), ())
    )
    frozen = asked.action == "deploy" and active_windows(case.environment.freezes, asked.now)
    return Decision(
        environment=case.name,
        action=asked.action,
        version=release.version if release else asked.version,
        image=release.image if release else "",
        digest=release.digest if release else "",
        current_version=current.record.version if current else "",
        current_digest=current.record.digest if current else "",
        features=features_of(case, release) if release else (),
        approvals=approvals,
        verified=bool(release and _is_verified(case, release)),
        override=asked.override if frozen and is_overridden(case) else "",
        warnings=tuple(result.sentence for result in results if not result.refuses),
        refusals=tuple(result.sentence for result in results if result.refuses),
    )


def _is_verified(case: Case, release: ResolvedVersion) -> bool:
    state = case.states(case.name).get(release.digest)
    # A deploy of the current release gets a new verify window unless its last delivery passed one.
    return bool(state and (state.passed if case.input.action == "deploy" else state.verified_by))
