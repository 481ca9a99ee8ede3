"""A version maps to one image for ever."""

from collections.abc import Mapping

from ci.ledger.errors import RefusedError
from ci.ledger.history import Entry, History
from ci.ledger.records import Build, Built
from ci.ledger.store.store import Ledger
from ci.settings import Person, known_as


def stored_build(history: History, version: str) -> Entry[Build] | None:
    """Return the build of a version; None: it was not built yet.

    Where there are several, what is signed counts before what is not, and the first before what was built knowing of
    it.

    Raises:
        RefusedError: Two were built at once, neither knowing of the other.
    """
    builds = history.builds(version)
    counting = [entry for entry in builds if entry.signer] or list(builds)
    if not counting:
        return None
    first = counting[0]
    others = [entry for entry in counting[1:] if entry.record.digest != first.record.digest]
    if rivals := [entry for entry in others if not is_after(history, entry.id, first.id)]:
        raise RefusedError(
            f"{version} was built twice at once, as {first.record.digest[:19]} by {first.record.by} and as "
            f"{rivals[0].record.digest[:19]} by {rivals[0].record.by}: build it under another version"
        )
    return first


def same_build(history: History, version: str, inputs: str) -> Entry[Build] | None:
    """Return the build of a version out of certain inputs; None: it was not built yet.

    Raises:
        RefusedError: It was built from other inputs.
    """
    stored = stored_build(history, version)
    if stored and stored.record.inputs != inputs:
        build = stored.record
        raise RefusedError(
            f"{version} is {build.digest[:19]} for ever, built {build.at:%Y-%m-%d %H:%M} by {build.by} from other "
            "sources or settings: give this one another version"
        )
    return stored


def is_after(history: History, later: str, earlier: str) -> bool:
    """Tell whether the writer of a record had seen another one."""
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


async def record_build(ledger: Ledger, people: Mapping[str, Person], built: Built) -> tuple[Entry[Build], bool]:
    """Record a build, or return the one that the version already has; the flag tells whether it existed.

    Raises:
        RefusedError: The version was built from other inputs.
    """
    history = await ledger.read()
    stored = same_build(history, built.version, built.inputs)
    if stored and (stored.signer or not ledger.signatures.can_sign):
        return stored, True
    # A build that is not signed yet is recorded again, as it was, with a signature.
    source: Built = stored.record if stored else built
    fields = {name: getattr(source, name) for name in Built.model_fields}
    fields["author"] = known_as(people, built.author) or built.author
    entry, _ = await ledger.append(history, Build, **fields)
    # Another run may have built the same version at the same time: the first record counts for both.
    stored = same_build(await ledger.read(), built.version, built.inputs)
    if stored is None:
        raise RefusedError(f"{built.version}: its record {entry.id[:12]} is gone from the registry as soon as written")
    return stored, stored.id != entry.id
