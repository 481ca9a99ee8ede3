"""The release of a rollback or a restore."""

from collections.abc import Iterator
from datetime import timedelta

from ci.ledger.builds import counting_builds
from ci.ledger.history import Entry
from ci.ledger.policy.case import Case, ResolvedVersion, RuleResult
from ci.ledger.policy.denials import active_denials
from ci.ledger.records import Build, DeliveryEnd
from ci.outcome import Outcome

Choice = tuple[ResolvedVersion | None, list[RuleResult]]
# How long a rollback skips a release that just failed to start.
SKIPPED = timedelta(minutes=10)


def choose_release(case: Case) -> Choice:
    """Return the named release; else the newest verified one; else the newest one that served before.

    A rollback never chooses the current release by itself, nor one that a rollback left; a restore may choose the
    current one.
    """
    return _find_named(case) if case.input.version else _choose(case)


def _find_named(case: Case) -> Choice:
    version, served = case.input.version, case.served(case.name)
    found = [entry for entry in served if entry.record.version == version]
    if not found:
        versions = list(dict.fromkeys(entry.record.version for entry in served))[-5:]
        known = f"the last versions that did are {', '.join(versions)}" if versions else "no version ever did"
        return None, [RuleResult(f"{case.name}: {version} never served here; {known}")]
    release = _resolve(case, found[-1])
    # Also where it is the current release by the ledger: only the target knows about changes by hand.
    state = case.states(case.name).get(release.digest)
    if state is None or not state.verified_by:
        what = f"the last delivery of {version} {state.description}; it is not verified" if state else "is not verified"
        return release, [RuleResult(f"{case.name}: {what}", refuses=False)]
    if not state.passed:
        return release, [RuleResult(f"{case.name}: the last delivery of {version} {state.description}", refuses=False)]
    return release, []


def _choose(case: Case) -> Choice:
    results: dict[RuleResult, None] = {}
    for entry in (*_find_verified(case), *_find_previous(case)):
        version = entry.record.version
        if active_denials(case.settings, case.history, case.name, entry.record.digest):
            results[RuleResult(f"{case.name}: {version} is denied and skipped", refuses=False)] = None
        elif case.input.action == "rollback" and (failed := _find_failed_start(case, entry.record.digest)):
            again = case.command("rollback", version=version)
            what = f"{version} failed to start at {failed.record.at:%H:%M} UTC and is skipped for ten minutes"
            results[RuleResult(f"{case.name}: {what}: to roll back to it now, type {again}", refuses=False)] = None
        else:
            if not _is_verified(case, entry.record.digest):
                what = f"no verified release is left to go to: {version} served before, but was never verified"
                results[RuleResult(f"{case.name}: {what}", refuses=False)] = None
            return _resolve(case, entry), list(results)
    what = "no release to restore" if case.input.action == "restore" else "no earlier release to roll back to"
    refusal = RuleResult(f"{case.name}: there is {what}: see {case.command('history')}, or deploy one")
    return None, [*results, refusal]


def _find_verified(case: Case) -> Iterator[Entry[DeliveryEnd]]:
    """Yield the verified releases that no rollback left since, the newest first; a restore begins with the current."""
    found = case.verification(case.name)
    newest = [entry for entry in reversed(found.verifying) if found.states[entry.record.digest].verified_by == entry]
    current = case.current_digest
    if case.input.action == "restore":
        yield from (entry for entry in newest if entry.record.digest == current)
    yield from (entry for entry in newest if entry.record.digest != current)


def _find_previous(case: Case) -> Iterator[Entry[DeliveryEnd]]:
    """Yield the releases that served, were never verified and were not left by a rollback, the newest first."""
    states, current = case.states(case.name), case.current_digest
    seen = set[str]() if case.input.action == "restore" else {current}
    for entry in reversed(case.served(case.name)):
        digest = entry.record.digest
        state = states.get(digest)
        if digest not in seen and state and not state.verified_by and not state.left:
            yield entry
        seen.add(digest)


def _find_failed_start(case: Case, digest: str) -> Entry[DeliveryEnd] | None:
    """Return the last delivery of a digest, where it failed just now before its switch."""
    entries = case.history.of(DeliveryEnd, environment=case.name, digest=digest)
    ended = [entry for entry in entries if entry.record.outcome != Outcome.REFUSED][-1:]
    return next(
        (
            entry
            for entry in ended
            if entry.record.outcome == Outcome.FAILED
            and not entry.record.passed_stage("switch")
            and case.input.now - entry.record.at < SKIPPED
        ),
        None,
    )


def _is_verified(case: Case, digest: str) -> bool:
    state = case.states(case.name).get(digest)
    return bool(state and state.verified_by)


def _resolve(case: Case, entry: Entry[DeliveryEnd]) -> ResolvedVersion:
    digest = entry.record.digest
    build = next((found.record for found in counting_builds(case.history.of(Build, digest=digest))), None)
    image = build.image if build else f"{case.settings.registry.repository}@{digest}"
    return ResolvedVersion(entry.record.version, image, build)
