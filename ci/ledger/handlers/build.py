"""Recording and finding builds."""

from ci.ledger.builds import same_build, stored_build
from ci.ledger.errors import RefusedError
from ci.ledger.history import Entry
from ci.ledger.protocol import FindBuild, Found, RecordBuild, Recorded
from ci.ledger.records import Build, Built
from ci.ledger.rendering.lines import short
from ci.ledger.store.store import Ledger
from ci.settings import known_as


async def record_build(ledger: Ledger, request: RecordBuild) -> Recorded:
    """Record a build, or return the one that the version already has.

    Raises:
        RefusedError: The version was built from other inputs.
    """
    history = await ledger.read()
    stored = same_build(history, request.version, request.inputs)
    if stored and (stored.signer or not ledger.signatures.can_sign):
        return _recorded(stored, existing=True)
    # One that nobody has signed yet is recorded again, as it was, with a signature.
    source = stored.record if stored else request
    built = {name: getattr(source, name) for name in Built.model_fields}
    built["author"] = known_as(request.settings.people, request.author) or request.author
    entry, _ = await ledger.append(history, Build, **built)
    # Somebody may have built the same version at the same time: whoever sees that there are two goes by the first.
    stored = same_build(await ledger.read(), request.version, request.inputs)
    if stored is None:
        raise RefusedError(
            f"{request.version}: its record {entry.id[:12]} is gone from the registry as soon as written"
        )
    return _recorded(stored, existing=stored.id != entry.id)


async def find_build(ledger: Ledger, request: FindBuild) -> Found:
    """Find the build of a version.

    Raises:
        RefusedError: It was built from other inputs than those that are asked for.
    """
    history = await ledger.read()
    if request.inputs:
        found = same_build(history, request.version, request.inputs)
    else:
        found = stored_build(history, request.version)
    if found is None:
        return Found(message=f"{request.version}: was never built")
    build = found.record
    message = f"{build.version} is {short(build.digest)}, built {build.at:%Y-%m-%d %H:%M} by {build.by}"
    return Found(message=message, id=found.id, image=build.image, inputs=build.inputs, signed=bool(found.signer))


def _recorded(entry: Entry[Build], *, existing: bool) -> Recorded:
    build = entry.record
    what = "was built before and stays" if existing else "is recorded as"
    message = f"{build.version} {what} {short(build.digest)}"
    return Recorded(message=message, id=entry.id, version=build.version, image=build.image, existing=existing)
