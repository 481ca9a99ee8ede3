"""A registry and signatures in memory: as the real ones, for ledgers that thousands of tests write."""

import asyncio
import hashlib
import json
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime

from ci.ledger.errors import MissingError, RegistryError
from ci.ledger.signing.signatures import Signatures
from ci.ledger.store.checks import CheckedRecord
from ci.ledger.store.registry import Registry, digest_of
from ci.ledger.store.store import Ledger

Call = Callable[[str], AbstractAsyncContextManager[None]]


@dataclass
class MemoryRepository:
    """What lies in a repository."""

    tags: dict[str, str] = field(default_factory=dict)
    manifests: dict[str, bytes] = field(default_factory=dict)
    blobs: dict[str, bytes] = field(default_factory=dict)


@asynccontextmanager
async def answer_at_once(name: str) -> AsyncIterator[None]:  # noqa: ARG001 - other connections break at a name
    """Surround a call with nothing."""
    await asyncio.sleep(0)
    yield


class MemoryRegistry(Registry):
    """One run's connection to a repository in memory."""

    def __init__(self, memory: MemoryRepository, call: Call = answer_at_once) -> None:
        """Connect; `call` surrounds each call."""
        self.memory, self._call = memory, call
        self.repository = "memory"
        # Its clock is the clock of everybody.
        self.time = None
        self.exists = True

    async def tags(self) -> list[str]:
        """Return every tag; see Registry."""
        async with self._call("tags"):
            return sorted(self.memory.tags)

    async def manifest(self, reference: str) -> bytes:
        """Return a manifest; see Registry."""
        # Records never change, so a run that breaks here differs in nothing from one that breaks at the tags.
        found = self.memory.manifests.get(self.memory.tags.get(reference, reference))
        if found is None:
            raise MissingError(f"{self.where}: there is no manifest {reference}")
        return found

    async def digest(self, tag: str) -> str:
        """Return the digest that a tag names; see Registry."""
        return self.memory.tags.get(tag, "")

    async def put_manifest(self, tag: str, manifest: bytes) -> None:
        """Store a manifest; see Registry."""
        async with self._call("put_manifest"):
            content = json.loads(manifest)
            missing = [
                blob["digest"]
                for blob in (content["config"], *content["layers"])
                if blob["digest"] not in self.memory.blobs
            ]
            if missing:
                raise RegistryError(f"{self.where}: {tag} names blobs that are not there: {', '.join(missing)}")
            self.memory.manifests[digest_of(manifest)] = manifest
            self.memory.tags[tag] = digest_of(manifest)

    async def blob(self, digest: str) -> bytes:
        """Return a blob; see Registry."""
        async with self._call("blob"):
            if digest not in self.memory.blobs:
                raise MissingError(f"{self.where}: there is no blob {digest}")
            return self.memory.blobs[digest]

    async def has_blob(self, digest: str) -> bool:
        """Return whether a blob is there."""
        async with self._call("has_blob"):
            return digest in self.memory.blobs

    async def put_blob(self, content: bytes) -> str:
        """Store a blob and return its digest."""
        async with self._call("put_blob"):
            self.memory.blobs[digest_of(content)] = content
            return digest_of(content)

    @property
    def where(self) -> str:
        """The repository, as errors name it."""
        return self.repository


@dataclass(frozen=True)
class MemorySignatures(Signatures):
    """Signs with a person's name; everybody believes what bears a name and the text's hash."""

    person: str = ""

    @property
    def can_sign(self) -> bool:
        """Whether a person signs."""
        return bool(self.person)

    def check(self) -> None:
        """There is no file that could be unreadable."""

    async def find_actor(self) -> str:
        """Return who signs."""
        return self.person

    async def sign(self, text: bytes) -> str:
        """Sign a text."""
        return _signature(self.person, text)

    async def is_signed_by(self, name: str, text: bytes, signature: str, at: datetime) -> bool:  # noqa: ARG002 - keys never end
        """Return whether a person signed a text."""
        return signature == _signature(name, text)

    async def find_signers(self, text: bytes, signature: str, at: datetime) -> tuple[str, ...]:
        """Return who signed a text; empty: nobody."""
        name = signature.partition(":")[0]
        return (name,) if await self.is_signed_by(name, text, signature, at) else ()

    async def explain_invalid(self, text: bytes, signature: str, at: datetime) -> str:  # noqa: ARG002 - keys never end
        """Say what is wrong with a signature that is nobody's."""
        return f"by {signature.partition(':')[0]} over another text"


@dataclass(frozen=True)
class MemoryLedger(Ledger):
    """A ledger that checks each record once, however many runs read it: a sound record stays sound."""

    sound: dict[str, CheckedRecord] = field(default_factory=dict)

    async def _read_one(self, tag: str, now: datetime, *, compare: bool) -> CheckedRecord:
        found = self.sound.get(tag)
        if found is None:
            found = await super()._read_one(tag, now, compare=compare)
            if found.entry and not found.problems:
                self.sound[tag] = found
        return found


def _signature(person: str, text: bytes) -> str:
    return f"{person}:{hashlib.sha256(text).hexdigest()}"
