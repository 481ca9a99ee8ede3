"""Which release an environment goes back to."""

from ci.ledger.history import Entry
from ci.ledger.policy.case import Case, Finding, Release
from ci.ledger.policy.denials import standing_denials
from ci.ledger.policy.standing import Standing, standings, successes
from ci.ledger.records import Build, Deploy

Found = tuple[Release | None, list[Finding]]


def gone_back(case: Case) -> Found:
    """Return the release that is named, or else the previous good one; of a restore the last good one."""
    good = successes(case.history, case.name, lambda entry: case.trusts(entry, case.name))
    return _named(case, good) if case.wanted.version else _chosen(case, good)


def _named(case: Case, good: tuple[Entry[Deploy], ...]) -> Found:
    version = case.wanted.version
    ran = [entry for entry in good if entry.record.version == version]
    if not ran:
        there = list(dict.fromkeys(entry.record.version for entry in good))[-5:]
        known = f"the last ones that did are {', '.join(there)}" if there else "nothing ever did"
        return None, [Finding(f"{case.name}: {version} never ran successfully here; {known}")]
    release = _release(case, ran[-1])
    # What serves by the ledger is let through: only the target knows what was done by hand, and changes nothing twice.
    standing = _standings(case)[release.digest]
    told = Finding(f"{case.name}: the last deploy of {version} {standing.told}", refuses=False)
    return release, [] if standing.good else [told]


def _chosen(case: Case, good: tuple[Entry[Deploy], ...]) -> Found:
    serving, standing = _serving(case), _standings(case)
    restore = case.wanted.action == "restore"
    # What serves is the last good release even where it was come back to without a deploy.
    newest = good[::-1]
    if restore:
        newest = tuple(sorted(newest, key=lambda entry: entry.record.digest != serving))
    findings: list[Finding] = []
    for entry in newest:
        digest = entry.record.digest
        if not standing[digest].good or (digest == serving and not restore):
            continue
        if not standing_denials(case.settings, case.history, case.name, digest):
            return _release(case, entry), findings
        passed_over = f"{case.name}: {entry.record.version} is denied and passed over"
        findings.append(Finding(passed_over, refuses=False))
    what = "no good release to restore" if restore else "no good release before the one that serves to go back to"
    advice = case.command("history")
    return None, [*dict.fromkeys(findings), Finding(f"{case.name}: there is {what}: see {advice}, or deploy one")]


def _release(case: Case, entry: Entry[Deploy]) -> Release:
    digest = entry.record.digest
    build = next((found.record for found in case.history.of(Build) if found.record.digest == digest), None)
    image = build.image if build else f"{case.settings.registry.repository}@{digest}"
    return Release(entry.record.version, image, build)


def _serving(case: Case) -> str:
    entry = case.history.serving(case.name)
    return entry.record.digest if entry else ""


def _standings(case: Case) -> dict[str, Standing]:
    return standings(case.history, case.name, lambda entry: case.trusts(entry, case.name))
