"""Builds: a version maps to one image for good."""

from collections.abc import Mapping, Sequence

from ci.ledger.errors import RefusedError
from ci.ledger.history import Entry, History
from ci.ledger.records import Build, BuildDescription
from ci.ledger.store.store import Ledger
from ci.ledger.tags import check_version
from ci.settings import Person, find_person


def counting_builds(builds: Sequence[Entry[Build]]) -> Sequence[Entry[Build]]:
    """Return the builds that count: those that a known key signed; without one, all of them.

    Anybody with push access to the registry can add an unsigned record, and give it any time.
    """
    return [entry for entry in builds if entry.signer] or builds


def stored_build(history: History, version: str, inputs: str = "", *, signed: bool = False) -> Entry[Build] | None:
    """Return the first build of a version that counts; None: there is none.

    `signed`: only builds that a known key signed count. A run with a key vouches for what it delivers, and so delivers
    nothing that anybody may have recorded.

    Raises:
        RefusedError: Builds that count have different digests, or `inputs` is given and the version has other inputs.
    """
    builds = history.builds(version)
    counting = [entry for entry in builds if entry.signer] if signed else counting_builds(builds)
    if conflict := describe_conflict(version, counting):
        raise RefusedError(f"{conflict}: build it under another version")
    stored = next(iter(counting), None)
    if stored and inputs and stored.record.inputs != inputs:
        build = stored.record
        raise RefusedError(
            f"{version} is {build.digest[:19]} for good, built {build.at:%Y-%m-%d %H:%M} by {build.actor} from other "
            "sources or settings: choose another version"
        )
    return stored


def describe_conflict(version: str, builds: Sequence[Entry[Build]]) -> str:
    """Return a sentence about builds of one version with different digests; empty: they have one digest."""
    found: dict[str, str] = {}
    for entry in builds:
        found.setdefault(entry.record.digest, f"{entry.record.digest[:19]} by {entry.record.actor}")
    return f"{version} was built as {' and as '.join(found.values())}" if len(found) > 1 else ""


def find_test_image(history: History, digest: str) -> str:
    """Return the test image of a release's digest; empty: none is recorded.

    A test image runs on the stack's network, so only builds that count are asked.
    """
    builds = counting_builds(history.of(Build, digest=digest))
    return next((entry.record.test_image for entry in builds if entry.record.test_image), "")


async def record_build(
    ledger: Ledger, people: Mapping[str, Person], build: BuildDescription
) -> tuple[Entry[Build], bool]:
    """Record a build, or return the build that the version already has; the flag is true where it existed.

    A run with a key signs its own build alone: an unsigned record of the version, which anybody who may push can have
    written, stays what it is and does not count any more.

    Raises:
        RefusedError: The version's name is reserved, the version was built from other inputs, or another run recorded
            another digest meanwhile.
    """
    check_version(build.version)
    history, signed = await ledger.read(), ledger.signatures.can_sign
    if stored := stored_build(history, build.version, build.inputs, signed=signed):
        return stored, True
    fields = {name: getattr(build, name) for name in BuildDescription.model_fields}
    fields["author"] = find_person(people, build.author) or build.author
    entry, _ = await ledger.append(history, Build, **fields)
    # Another run may have built the same version at the same time: with one digest, the first record counts for both.
    stored = stored_build(await ledger.read(), build.version, build.inputs, signed=signed)
    if stored is None:
        raise RefusedError(
            f"{build.version}: its new record {entry.id[:12]} is not in the registry: "
            "does a retention rule delete tags? Build it again"
        )
    return stored, stored.id != entry.id
