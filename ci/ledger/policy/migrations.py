"""Whether a release and what served before it can live with one database."""

from collections.abc import Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet

from ci.ledger.policy.case import Case, Finding, Findings, Release
from ci.ledger.records import Build, Deploy, Start


def migration_rule(case: Case, release: Release) -> Findings:
    """Refuse migrations that what serves cannot bear, and releases that cannot bear those that were applied."""
    if not release.build:
        yield Finding(f"{case.name}: which migrations {release.version} has is not recorded", refuses=False)
        return
    builds = _builds(case)
    tried = _tried(case)
    own = set(release.build.migrations)
    applied = {name for digest in tried & set(builds) for name in builds[digest].migrations}
    known = own | applied
    yield from _backwards(case, release, _breaking(builds, tried, applied - own, known), applied - own)
    if case.wanted.action == "deploy" and case.history.serving(case.name):
        yield from _forwards(case, _breaking(builds, {release.digest}, own - applied, known), own - applied)


def _backwards(case: Case, release: Release, breaking: Sequence[Build], migrations: AbstractSet[str]) -> Findings:
    versions = _versions(breaking)
    if not versions:
        return
    what = f"the database has {_brought(breaking, migrations)}, which {release.version} lacks"
    why = f"and which {versions} did not declare forward-compatible, so that {release.version} may fail or do damage"
    # After the cluster is lost the last good release is the best there is.
    if case.wanted.force or case.wanted.action == "restore":
        yield Finding(f"{case.name}: {what}, {why}", refuses=False)
    else:
        forced = case.command("rollback", version=release.version, extra="--force")
        yield Finding(f"{case.name}: {what}, {why}: go forward with a mended release, or if you are sure type {forced}")


def _forwards(case: Case, breaking: Sequence[Build], migrations: AbstractSet[str]) -> Findings:
    versions = _versions(breaking)
    if versions:
        what = f"{versions} brings {_brought(breaking, migrations)}, on which what serves would not work meanwhile"
        advice = "split it: first a release that only adds, later one that takes away; then set app.forward_compatible"
        yield Finding(f"{case.name}: {what} (app.forward_compatible is false): {advice} = true and build it anew")


def _builds(case: Case) -> dict[str, Build]:
    found: dict[str, Build] = {}
    for entry in case.history.of(Build):
        found.setdefault(entry.record.digest, entry.record)
    return found


def _tried(case: Case) -> AbstractSet[str]:
    # A candidate migrates the database before anybody knows whether it is any good.
    started = {entry.record.digest for entry in case.history.of(Start, environment=case.name)}
    deployed = case.history.of(Deploy, environment=case.name)
    return started | {entry.record.digest for entry in deployed if entry.record.outcome != "refused"}


def _breaking(
    builds: Mapping[str, Build], tried: AbstractSet[str], migrations: AbstractSet[str], known: AbstractSet[str]
) -> list[Build]:
    # Also the builds in between, which brought a migration and never came here; not what nobody committed.
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


def _brought(builds: Iterable[Build], migrations: AbstractSet[str]) -> str:
    return ", ".join(sorted({name for build in builds for name in build.migrations} & migrations))
