"""The rule about migrations: two releases share one database."""

from collections.abc import Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet

from ci.ledger.policy.case import Case, ResolvedVersion, RuleResult, RuleResults
from ci.ledger.records import Build, DeliveryEnd, DeliveryStart
from ci.outcome import Outcome


def migration_rule(case: Case, release: ResolvedVersion) -> RuleResults:
    """Refuse migrations that break the current release, and releases that the applied migrations break."""
    if not release.build:
        yield RuleResult(f"{case.name}: the migrations of {release.version} are not recorded", refuses=False)
        return
    builds = _builds(case)
    tried = _tried(case)
    own = set(release.build.migrations)
    applied = {name for digest in tried & set(builds) for name in builds[digest].migrations}
    known = own | applied
    yield from _check_backwards(case, release, _breaking(builds, tried, applied - own, known), applied - own)
    if case.input.action == "deploy" and case.history.current(case.name):
        yield from _check_forwards(case, _breaking(builds, {release.digest}, own - applied, known), own - applied)


def _check_backwards(
    case: Case, release: ResolvedVersion, breaking: Sequence[Build], migrations: AbstractSet[str]
) -> RuleResults:
    versions = _versions(breaking)
    if not versions:
        return
    what = f"the database has {_names(breaking, migrations)}, which {release.version} lacks"
    why = f"{versions} did not declare them forward-compatible, so {release.version} may fail or damage data"
    # A restore after the loss of a cluster takes the best release that there is.
    if case.input.force or case.input.action == "restore":
        yield RuleResult(f"{case.name}: {what}; {why}", refuses=False)
    else:
        forced = case.command("rollback", version=release.version, extra="--force")
        yield RuleResult(f"{case.name}: {what}; {why}: deploy a repaired release, or if you are sure type {forced}")


def _check_forwards(case: Case, breaking: Sequence[Build], migrations: AbstractSet[str]) -> RuleResults:
    versions = _versions(breaking)
    if versions:
        what = f"{versions} brings {_names(breaking, migrations)}, which the current release does not work with"
        advice = "split it: first a release that only adds, later one that removes; then set app.forward_compatible"
        yield RuleResult(f"{case.name}: {what} (app.forward_compatible is false): {advice} = true and build it again")


def _builds(case: Case) -> dict[str, Build]:
    """Return the build of each digest: a signed one before an unsigned one, which may lie about its migrations."""
    found: dict[str, Build] = {}
    entries = case.history.of(Build)
    for entry in sorted(entries, key=lambda entry: not entry.signer):
        found.setdefault(entry.record.digest, entry.record)
    return {digest: found[digest] for digest in dict.fromkeys(entry.record.digest for entry in entries)}


def _tried(case: Case) -> AbstractSet[str]:
    # A candidate migrates the database before its tests.
    started = {entry.record.digest for entry in case.history.of(DeliveryStart, environment=case.name)}
    ended = case.history.of(DeliveryEnd, environment=case.name)
    return started | {entry.record.digest for entry in ended if entry.record.outcome != Outcome.REFUSED}


def _breaking(
    builds: Mapping[str, Build], tried: AbstractSet[str], migrations: AbstractSet[str], known: AbstractSet[str]
) -> list[Build]:
    # Also builds in between, which brought a migration and never came here; but no uncommitted ones.
    return [
        build
        for build in builds.values()
        if not build.forward_compatible
        and set(build.migrations) & migrations
        and set(build.migrations) <= known
        and (build.digest in tried or not build.dirty)
    ]


def _versions(builds: Iterable[Build]) -> str:
    return ", ".join(dict.fromkeys(build.version for build in builds))


def _names(builds: Iterable[Build], migrations: AbstractSet[str]) -> str:
    return ", ".join(sorted({name for build in builds for name in build.migrations} & migrations))
