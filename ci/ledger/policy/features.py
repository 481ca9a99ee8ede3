"""Which features a release runs with."""

from typing import Literal

from ci.ledger.history import Entry
from ci.ledger.policy.case import Case, Finding, Findings, Release
from ci.ledger.policy.standing import successes
from ci.ledger.records import Deploy

Features = tuple[str, ...] | Literal["all"]


def features_of(case: Case, release: Release) -> Features:
    """Return the features of the settings, or those that the release had where it goes back to."""
    if case.wanted.action != "deploy":
        had = [entry.record.features for entry in _good(case, case.name, release)]
        if had:
            return had[-1]
    return case.environment.features


def feature_rule(case: Case, release: Release) -> Findings:
    """Let only those features into production that ran in the environment before, with the same digest."""
    features = case.environment.features
    if case.environment.kind != "production" or case.wanted.action != "deploy" or not case.before:
        return
    ran = [entry.record.features for entry in _good(case, case.before, release)]
    if "all" in ran:
        return
    tried = {name for names in ran for name in names}
    untried = ["all"] if features == "all" else [name for name in features if name not in tried]
    if untried:
        what = f"{release.version} never ran in {case.before} with the features {', '.join(untried)}"
        again = case.command("deploy", env=case.before, version=release.version)
        yield Finding(
            f"{case.name}: {what}: set environments.{case.before}.features and type {again}, or leave them out"
        )


def _good(case: Case, where: str, release: Release) -> list[Entry[Deploy]]:
    found = successes(case.history, where, lambda entry: case.trusts(entry, where))
    return [entry for entry in found if entry.record.digest == release.digest]
