"""What somebody can do to a ledger who may push to its registry."""

from datetime import UTC, datetime

import httpx

from ci.ledger import protocol as p
from ci.ledger.handling import opened
from ci.ledger.records import Record, Takeover, write
from ci.ledger.store.artifacts import Artifact, tag_of
from ci.ledger.store.registry import digest_of
from ci.ledger.store.store import Ledger, store
from tests.ledger.desk import Desk

# What is told of a record that the tests do not care about.
LOCK = {"environment": "dev", "holder": "author", "message": "it had expired"}


async def push(ledger: Ledger, record: Record, signature: str = "", tag: str = "") -> str:
    """Do what anybody can who may push: store whatever they like."""
    artifact = Artifact(write(record), signature)
    tag = tag or tag_of(artifact.payload, record.at)
    await store(ledger.registry, tag, artifact)
    return tag


async def a_lock(ledger: Ledger, **changes: object) -> Takeover:
    """Return a record that was never appended, as the last of the ledger but for the changes."""
    history = await ledger.read()
    at = datetime.now(UTC)
    fields: dict[str, object] = {"app": "orders", "at": at, "parents": history.heads, **LOCK, **changes}
    return Takeover.model_validate(fields)


async def tag_at(ledger: Ledger, index: int) -> str:
    return sorted(await ledger.registry.tags())[index]


async def remove(ledger: Ledger, index: int) -> None:
    """Remove a record."""
    digest = digest_of(await ledger.registry.manifest(await tag_at(ledger, index)))
    httpx.delete(
        f"http://{ledger.registry.where}/manifests/{digest}".replace("/slipway", "/v2/slipway")
    ).raise_for_status()


async def signed_by(desk: Desk, who: str, text: bytes) -> str:
    async with opened(desk.request(p.Read, who, view="history")) as ledger:
        return await ledger.signatures.sign(text)
