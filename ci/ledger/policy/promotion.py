"""Which digest a version is, and whether it went the whole way here."""

from collections.abc import Sequence

from ci.ledger.history import Entry
from ci.ledger.policy.case import Case, Finding, Findings, Release
from ci.ledger.policy.standing import standings
from ci.ledger.records import Build


def built(case: Case) -> tuple[Release | None, list[Finding]]:
    """Return the one digest that a version was built as, and what is wrong with that."""
    wanted = case.wanted.version
    if not wanted:
        return None, [Finding(f"{case.name}: name the version: {case.command('deploy', version='…')}")]
    builds = case.history.builds(wanted)
    if not builds:
        return None, [Finding(_never_built(case))]
    counted = [entry for entry in builds if not case.environment.signed or entry.signer in case.settings.people]
    findings = list(_conflict(case, builds))
    if not counted:
        findings.append(Finding(_unsigned(case)))
    build = (counted or builds)[0].record
    return Release(wanted, build.image, build), findings


def dirty_rule(case: Case, release: Release) -> Findings:
    """Keep what was built from uncommitted changes in the first environment of the kind dev."""
    dirty = release.version.endswith("-dirty") or bool(release.build and release.build.dirty)
    first = _first_dev(case)
    if dirty and case.name != first:
        where = f"to {first}" if first else "nowhere"
        what = f"{release.version} was built from changes that are not committed and may go {where} only"
        yield Finding(f"{case.name}: {what}: commit them and type {case.command('deploy', env=first or case.name)}")


def order_rule(case: Case, release: Release) -> Findings:
    """Refuse a digest that did not succeed in the environment before, or not as the last thing it did there."""
    if not case.before:
        return
    standing = standings(case.history, case.before, lambda entry: case.trusts(entry, case.before)).get(release.digest)
    if standing and standing.good:
        return
    if standing:
        what = f"the last deploy of {release.version} to {case.before}, which comes before it, {standing.told}"
    else:
        what = f"{release.version} ({release.digest[:19]}) never ran in {case.before}, which comes before it"
    yield Finding(f"{case.name}: {what}: type {case.command('deploy', env=case.before, version=release.version)}")


def _conflict(case: Case, builds: Sequence[Entry[Build]]) -> Findings:
    digests = dict.fromkeys(entry.record.digest for entry in builds)
    if len(digests) > 1:
        first, *others = (digest[:19] for digest in digests)
        what = f"{case.wanted.version} is {first}, but was recorded as {', '.join(others)} too"
        advice = f": build a new version: {case.command('deploy', env=_first_dev(case) or case.name, version='…')}"
        yield Finding(f"{case.name}: {what}{advice}", refuses=case.environment.signed)


def _never_built(case: Case) -> str:
    known = list(dict.fromkeys(entry.record.version for entry in case.history.of(Build)))[-5:]
    there = f"the last ones that were are {', '.join(known)}" if known else "nothing was yet"
    first = _first_dev(case)
    advice = f": type {case.command('deploy', env=first, version=case.wanted.version)}" if first else ""
    return f"{case.name}: {case.wanted.version} was never built; {there}{advice}"


def _unsigned(case: Case) -> str:
    first = _first_dev(case) or next(iter(case.settings.environments))
    again = case.command("deploy", env=first, version=case.wanted.version)
    return f"{case.name}: the build of {case.wanted.version} is not signed by anybody under [people]: type {again}"


def _first_dev(case: Case) -> str:
    return next((name for name, environment in case.settings.environments.items() if environment.kind == "dev"), "")
