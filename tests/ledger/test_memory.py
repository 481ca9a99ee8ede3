"""The registry and the signatures in memory keep the promises of the real ones."""

import uuid
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from ci.ledger.errors import MissingError, RegistryError
from ci.ledger.signing.signatures import Signatures, SigningKey
from ci.ledger.store.artifacts import EMPTY_CONTENT, Artifact
from ci.ledger.store.registry import Registry, digest_of
from tests.ledger.memory import MemoryRegistry, MemoryRepository, MemorySignatures

ARTIFACT = Artifact(b'{"kind": "build"}', "signature")


@pytest.fixture(params=["memory", "real"])
async def registry(request: pytest.FixtureRequest) -> AsyncIterator[Registry]:
    """An empty repository."""
    if request.param == "memory":
        yield MemoryRegistry(MemoryRepository())
        return
    async with Registry.connect("http://localhost:5000", f"slipway-test/{uuid.uuid4().hex}") as found:
        yield found


@pytest.fixture(params=["memory", "real"])
def signatures(request: pytest.FixtureRequest, keys: dict[str, Path], allowed_signers: str) -> Signatures:
    """The lead's signatures."""
    if request.param == "memory":
        return MemorySignatures(person="lead")
    return Signatures(allowed_signers, "", SigningKey(key_file=str(keys["lead"])))


async def put(registry: Registry, tag: str, artifact: Artifact) -> None:
    for blob in (EMPTY_CONTENT, *artifact.blobs):
        await registry.put_blob(blob)
    await registry.put_manifest(tag, artifact.manifest())


async def test_new_repository_has_no_tags(registry: Registry) -> None:
    assert await registry.tags() == []


async def test_manifest_is_found_by_tag_and_by_digest(registry: Registry) -> None:
    await put(registry, "one", ARTIFACT)
    assert await registry.manifest("one") == ARTIFACT.manifest()
    assert await registry.manifest(digest_of(ARTIFACT.manifest())) == ARTIFACT.manifest()


async def test_every_tag_is_listed_once(registry: Registry) -> None:
    for tag in ("two", "one", "two"):
        await put(registry, tag, ARTIFACT)
    assert sorted(await registry.tags()) == ["one", "two"]


async def test_tag_names_the_manifest_that_was_put_last(registry: Registry) -> None:
    other = Artifact(b'{"kind": "start"}')
    await put(registry, "one", ARTIFACT)
    await put(registry, "one", other)
    assert await registry.manifest("one") == other.manifest()


async def test_manifest_whose_blobs_are_missing_is_refused(registry: Registry) -> None:
    with pytest.raises(RegistryError, match="blob"):
        await registry.put_manifest("one", ARTIFACT.manifest())
    assert await registry.tags() == []


async def test_blob_is_found_by_its_digest(registry: Registry) -> None:
    digest = await registry.put_blob(b"something")
    assert digest == digest_of(b"something")
    assert await registry.has_blob(digest)
    assert await registry.blob(digest) == b"something"
    assert await registry.put_blob(b"something") == digest


async def test_digest_of_a_tag_is_that_of_its_manifest(registry: Registry) -> None:
    assert await registry.digest("one") == ""
    await put(registry, "one", ARTIFACT)
    assert await registry.digest("one") == digest_of(ARTIFACT.manifest())


async def test_unknown_names_are_missing(registry: Registry) -> None:
    await registry.put_blob(EMPTY_CONTENT)
    with pytest.raises(MissingError):
        await registry.manifest("one")
    with pytest.raises(MissingError):
        await registry.blob(digest_of(b"something"))
    assert not await registry.has_blob(digest_of(b"something"))


async def test_signature_is_by_the_person_who_signs(signatures: Signatures) -> None:
    signatures.check()
    assert signatures.can_sign
    assert await signatures.find_actor() == "lead"
    signature = await signatures.sign(b"text")
    assert await signatures.is_signed_by("lead", b"text", signature, datetime.now(UTC))
    assert await signatures.find_signers(b"text", signature, datetime.now(UTC)) == ("lead",)


async def test_signature_is_by_nobody_else_and_over_no_other_text(signatures: Signatures) -> None:
    signature = await signatures.sign(b"text")
    assert not await signatures.is_signed_by("stakeholder", b"text", signature, datetime.now(UTC))
    assert not await signatures.is_signed_by("lead", b"another", signature, datetime.now(UTC))
    assert await signatures.find_signers(b"another", signature, datetime.now(UTC)) == ()
    assert await signatures.explain_invalid(b"another", signature, datetime.now(UTC)) == "by lead over another text"


async def test_nobody_signs_without_a_key() -> None:
    for nobody in (MemorySignatures(), Signatures()):
        assert not nobody.can_sign
        assert await nobody.find_actor() == ""
