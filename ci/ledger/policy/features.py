"""The features of a release, and the rule about those in production."""

from typing import Literal

from ci.ledger.policy.case import Case, ResolvedVersion, RuleResult, RuleResults

Features = tuple[str, ...] | Literal["all"]


def features_of(case: Case, release: ResolvedVersion) -> Features:
    """Return the settings' features; a rollback or a restore keeps those that the release last served with here."""
    if case.input.action != "deploy":
        served = [e.record.features for e in case.served(case.name) if e.record.digest == release.digest]
        if served:
            return served[-1]
    return case.environment.features


def feature_rule(case: Case, release: ResolvedVersion) -> RuleResults:
    """Refuse features in production that were not verified with this digest in the environment before."""
    features, where = case.environment.features, case.required_environment
    if case.environment.kind != "production" or case.input.action != "deploy" or not where:
        return
    verifying = case.verification(where).verifying
    verified = [entry.record.features for entry in verifying if entry.record.digest == release.digest]
    if "all" in verified:
        return
    known = {name for names in verified for name in names}
    missing = ["all"] if features == "all" else [name for name in features if name not in known]
    if missing:
        what = f"{release.version} was never verified in {where} with the features {', '.join(missing)}"
        command = case.command("deploy", env=where, version=release.version)
        yield RuleResult(f"{case.name}: {what}: set environments.{where}.features and type {command}, or remove them")
