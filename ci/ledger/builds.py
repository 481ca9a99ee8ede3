"""Builds: a version maps to one image for good."""

from collections.abc import Mapping

from ci.ledger.errors import RefusedError
from ci.ledger.history import Entry, History
from ci.ledger.records import Build, BuildDescription
from ci.ledger.store.store import Ledger
from ci.settings import Person, find_person


def stored_build(history: History, version: str, inputs: str = "") -> Entry[Build] | None:
    """Return the build of a version; None: the version was never built.

    Of several builds, a signed one counts before an unsigned one, and the first before those whose writer knew it.

    Raises:
        RefusedError: Two builds do not know of each other, or `inputs` is given and the version has other inputs.
    """
    stored = _first_build(history, version)
    if stored and inputs and stored.record.inputs != inputs:
        build = stored.record
        raise RefusedError(
            f"{version} is {build.digest[:19]} for good, built {build.at:%Y-%m-%d %H:%M} by {build.actor} from other "
            "sources or settings: choose another version"
        )
    return stored


def find_test_image(history: History, digest: str) -> str:
    """Return the test image of a release's digest; empty: none is recorded.

    A signed build counts before an unsigned one: a test image runs on the stack's network.
    """
    builds = [entry for entry in history.of(Build, digest=digest) if entry.record.test_image]
    return next((entry.record.test_image for entry in sorted(builds, key=lambda entry: not entry.signer)), "")


async def record_build(
    ledger: Ledger, people: Mapping[str, Person], build: BuildDescription
) -> tuple[Entry[Build], bool]:
    """Record a build, or return the build that the version already has; the flag is true where it existed.

    Raises:
        RefusedError: The version was built from other inputs.
    """
    history = await ledger.read()
    stored = stored_build(history, build.version, build.inputs)
    if stored and (stored.signer or not ledger.signatures.can_sign):
        return stored, True
    # An unsigned build is recorded again, unchanged, with a signature.
    source: BuildDescription = stored.record if stored else build
    fields = {name: getattr(source, name) for name in BuildDescription.model_fields}
    fields["author"] = find_person(people, source.author) or source.author
    entry, _ = await ledger.append(history, Build, **fields)
    # Another run may have built the same version at the same time: the first record counts for both.
    stored = stored_build(await ledger.read(), build.version, build.inputs)
    if stored is None:
        raise RefusedError(
            f"{build.version}: its new record {entry.id[:12]} is not in the registry: "
            "does a retention rule delete tags? Build it again"
        )
    return stored, stored.id != entry.id


def _first_build(history: History, version: str) -> Entry[Build] | None:
    builds = history.builds(version)
    counting = [entry for entry in builds if entry.signer] or list(builds)
    if not counting:
        return None
    first = counting[0]
    others = [entry for entry in counting[1:] if entry.record.digest != first.record.digest]
    if rivals := [entry for entry in others if not _comes_after(history, entry.id, first.id)]:
        raise RefusedError(
            f"{version} was built twice at once, as {first.record.digest[:19]} by {first.record.actor} and as "
            f"{rivals[0].record.digest[:19]} by {rivals[0].record.actor}: build it under another version"
        )
    return first


def _comes_after(history: History, later: str, earlier: str) -> bool:
    """Return whether the writer of a record had read another one."""
    parents = {entry.id: entry.record.parents for entry in history.entries}
    waiting, seen = [later], set[str]()
    while waiting:
        name = waiting.pop()
        if name == earlier:
            return True
        if name not in seen:
            seen.add(name)
            waiting += parents.get(name, ())
    return False
