"""What an attacker with push access to the registry can do to a ledger."""

from datetime import UTC, datetime

import httpx

from ci.ledger.records import LockTakeover, Record, serialize_record
from ci.ledger.store.artifacts import Artifact, tag_of
from ci.ledger.store.registry import digest_of
from ci.ledger.store.store import Ledger, store_artifact
from tests.ledger.workspace import Workspace

# The fields of a record whose content does not matter.
LOCK = {"environment": "dev", "previous_actor": "author", "message": "it had expired"}


async def push(ledger: Ledger, record: Record, signature: str = "", tag: str = "") -> str:
    """Store a record without the ledger's checks, and return its tag."""
    payload = serialize_record(record)
    return await push_payload(ledger, payload, signature, tag or tag_of(payload, record.at))


async def push_payload(ledger: Ledger, payload: bytes, signature: str = "", tag: str = "") -> str:
    """Store any text as a record, and return its tag."""
    artifact = Artifact(payload, signature)
    tag = tag or tag_of(payload, datetime.now(UTC))
    await store_artifact(ledger.registry, tag, artifact)
    return tag


async def a_lock(ledger: Ledger, **changes: object) -> LockTakeover:
    """Return a record that could be the ledger's next one, but for the changes."""
    history = await ledger.read()
    at = datetime.now(UTC)
    fields: dict[str, object] = {"app": "orders", "at": at, "parents": history.heads, **LOCK, **changes}
    return LockTakeover.model_validate(fields)


async def tag_at(ledger: Ledger, index: int) -> str:
    return sorted(await ledger.registry.tags())[index]


async def remove(ledger: Ledger, index: int) -> None:
    """Remove a record."""
    digest = digest_of(await ledger.registry.manifest(await tag_at(ledger, index)))
    httpx.delete(
        f"http://{ledger.registry.where}/manifests/{digest}".replace("/slipway", "/v2/slipway")
    ).raise_for_status()


async def signed_by(workspace: Workspace, who: str, text: bytes) -> str:
    """Return a person's signature over a text."""
    async with workspace.open(who) as ledger:
        return await ledger.signatures.sign(text)
