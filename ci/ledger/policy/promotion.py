"""The digest of a version, and the rules about its way to an environment."""

from collections.abc import Sequence

from ci.ledger.builds import counting_builds, describe_conflict
from ci.ledger.history import Entry
from ci.ledger.policy.case import Case, ResolvedVersion, RuleResult, RuleResults
from ci.ledger.records import Build


def resolve_build(case: Case) -> tuple[ResolvedVersion | None, list[RuleResult]]:
    """Return the one image of a version, and the problems of its builds."""
    wanted = case.input.version
    if not wanted:
        return None, [RuleResult(f"{case.name}: name the version: {case.command('deploy', version='…')}")]
    builds = case.history.builds(wanted)
    if not builds:
        return None, [RuleResult(_never_built(case))]
    counted: Sequence[Entry[Build]] = counting_builds(builds)
    if case.environment.signed:
        counted = [entry for entry in builds if entry.signer in case.settings.people]
    results = [*_check_conflict(case, counted), *_check_others(case, builds, counted)]
    if not counted:
        results.append(RuleResult(_unsigned(case)))
    build = (counted or builds)[0].record
    return ResolvedVersion(wanted, build.image, build), results


def dirty_rule(case: Case, release: ResolvedVersion) -> RuleResults:
    """Refuse a build of uncommitted changes outside the first environment of the kind dev."""
    dirty = release.version.endswith("-dirty") or bool(release.build and release.build.dirty)
    first = _first_dev(case)
    if dirty and case.name != first:
        where = f"may go to {first} only" if first else "may not be deployed"
        what = f"{release.version} was built from uncommitted changes and {where}"
        yield RuleResult(f"{case.name}: {what}: commit them and type {case.command('deploy', env=first or case.name)}")


def order_rule(case: Case, release: ResolvedVersion) -> RuleResults:
    """Refuse a digest whose last delivery to the environment before did not verify it."""
    where = case.required_environment
    if not where:
        return
    state = case.states(where).get(release.digest)
    if state and state.passed:
        return
    if state:
        what = f"the last delivery of {release.version} to {where}, which comes before it, {state.description}"
    else:
        what = f"{release.version} ({release.digest[:19]}) never ran in {where}, which comes before it"
    yield RuleResult(f"{case.name}: {what}: type {case.command('deploy', env=where, version=release.version)}")


def _check_conflict(case: Case, counted: Sequence[Entry[Build]]) -> RuleResults:
    if conflict := describe_conflict(case.input.version, counted):
        advice = f"build a new version: {case.command('deploy', env=_first_dev(case) or case.name, version='…')}"
        yield RuleResult(f"{case.name}: {conflict}: {advice}")


def _check_others(case: Case, builds: Sequence[Entry[Build]], counted: Sequence[Entry[Build]]) -> RuleResults:
    """Warn of records of the version that do not count, and name another digest than those that do."""
    known = {entry.record.digest for entry in counted}
    others = dict.fromkeys(entry.record.digest[:19] for entry in builds if entry.record.digest not in known)
    if known and others:
        what = f"{case.input.version} was recorded as {', '.join(others)} too, which does not count"
        yield RuleResult(f"{case.name}: {what}: no known person signed it", refuses=False)


def _never_built(case: Case) -> str:
    known = list(dict.fromkeys(entry.record.version for entry in case.history.of(Build)))[-5:]
    others = f"the last built versions are {', '.join(known)}" if known else "no version was built yet"
    first = _first_dev(case)
    advice = f": type {case.command('deploy', env=first, version=case.input.version)}" if first else ""
    return f"{case.name}: {case.input.version} was never built; {others}{advice}"


def _unsigned(case: Case) -> str:
    first = _first_dev(case) or next(iter(case.settings.environments))
    command = case.command("deploy", env=first, version=case.input.version)
    return f"{case.name}: the build of {case.input.version} is not signed by a person under [people]: type {command}"


def _first_dev(case: Case) -> str:
    return next((name for name, environment in case.settings.environments.items() if environment.kind == "dev"), "")
