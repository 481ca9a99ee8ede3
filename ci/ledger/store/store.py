"""The ledger: append-only records beside the image, in any OCI registry."""

import asyncio
import functools
from collections.abc import Awaitable, Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Generic, TypeVar

from ci.ledger.errors import DeniedError, MissingError, RegistryError, SigningError, UnreachableError
from ci.ledger.history import Entry, History
from ci.ledger.records import ANONYMOUS, Record, id_of, write
from ci.ledger.signing.signatures import Signatures
from ci.ledger.store.artifacts import EMPTY_CONTENT, PREFIX, Artifact, Manifest, embedded, read_tag, tag_of
from ci.ledger.store.cache import Cache
from ci.ledger.store.checks import AHEAD, Checked, checked
from ci.ledger.store.order import in_order, missing, without_disorder, without_replays
from ci.ledger.store.registry import Registry, digest_of

AT_ONCE = 8
K = TypeVar("K", bound=Record)
T = TypeVar("T")


@dataclass(frozen=True)
class Draft(Generic[K]):
    """A record that is not in the ledger yet."""

    tag: str
    artifact: Artifact
    entry: Entry[K]


@dataclass(frozen=True)
class Ledger:
    """The ledger of one app in one repository."""

    registry: Registry
    app: str
    signatures: Signatures
    cache: Cache
    _turns: asyncio.Semaphore = field(default_factory=functools.partial(asyncio.Semaphore, AT_ONCE))

    async def read(self) -> History:
        """Read everything; what is wrong with it is told in the history's problems.

        Raises:
            RegistryError: The registry cannot be used.
            SigningError: The keys that count cannot be read.
        """
        self.signatures.check()
        tags = sorted(tag for tag in await self.registry.tags() if tag.startswith(PREFIX))
        now = datetime.now(UTC)
        found = await asyncio.gather(*(self._in_turn(functools.partial(self._read_one, tag, now)) for tag in tags))
        for one in found:
            if self.cache.folder and one.artifact and not one.problems:
                self.cache.put(one.tag, one.artifact.manifest())
        return _history(found, self._vanished(tags))

    async def append(self, history: History, kind: type[K], **fields: object) -> tuple[Entry[K], History]:
        """Append a record of what happened after a history, and return it with the history that it makes.

        Raises:
            RegistryError: The registry cannot be used.
            SigningError: The key cannot be used, or nobody would accept what it signs.
        """
        draft = await self.draft(history, kind, **fields)
        return draft.entry, await self.commit(history, draft)

    async def draft(self, history: History, kind: type[K], **fields: object) -> "Draft[K]":
        """Write and sign a record, and keep it."""
        by = await self.signatures.me() or ANONYMOUS
        parents = history.heads
        newest = [entry.record.at for entry in history.entries if entry.id in parents]
        # A clock that is a little behind the last writer's must not put this record before the other.
        at = max([self._now(), *(time + timedelta(microseconds=1) for time in newest)])
        record = kind(app=self.app, at=at, by=by, parents=parents, **fields)
        payload = write(record)
        artifact = Artifact(payload, await self.signatures.sign(payload) if self.signatures.can_sign else "")
        # What no reader would accept is not written.
        found = await checked(tag_of(payload, at), artifact, self.app, self.signatures, at)
        if found.entry is None or found.problems:
            raise SigningError("\n".join(found.problems))
        return Draft(found.tag, artifact, Entry(found.entry.id, record, found.entry.signer, found.entry.stated))

    async def commit(self, history: History, draft: "Draft[K]") -> History:
        """Store what was written, and return the history that it makes."""
        await store(self.registry, draft.tag, draft.artifact)
        self.cache.put(draft.tag, draft.artifact.manifest())
        return history.followed_by(draft.entry)

    def _now(self) -> datetime:
        now, theirs = datetime.now(UTC), self.registry.time
        if theirs and abs(now - theirs) > AHEAD / 2:
            raise RegistryError(
                f"{self.registry.where}: it is {theirs:%Y-%m-%d %H:%M} there and {now:%Y-%m-%d %H:%M} here: set the "
                "clock that is wrong, or records would be out of order"
            )
        return now

    async def _in_turn(self, work: Callable[[], Awaitable[T]]) -> T:
        async with self._turns:
            return await work()

    async def _read_one(self, tag: str, now: datetime) -> Checked:
        if read_tag(tag) is None:
            return Checked(tag, problems=(f"unreadable: {tag}: is no tag of a record",))
        if kept := self.cache.get(tag):
            known = await self._check(tag, kept, now)
            if known.entry:
                return known
            self.cache.drop(tag)
        try:
            return await self._check(tag, await self.registry.manifest(tag), now)
        except (UnreachableError, DeniedError):
            raise
        except MissingError:
            return Checked(tag, problems=(f"missing: {tag}: is listed, but gone from the registry",))
        except RegistryError as error:
            return Checked(tag, problems=(f"unreadable: {tag}: {error}",))

    async def _check(self, tag: str, manifest: bytes, now: datetime) -> Checked:
        try:
            layers = Manifest.model_validate_json(manifest).layers
            contents = [embedded(layer) or await self.registry.blob(layer.digest) for layer in layers]
            texts = [*(content.decode() for content in contents[1:]), ""]
        except ValueError:
            return Checked(tag, problems=(f"altered: {tag}: is no manifest of a record",))
        if any(digest_of(content) != layer.digest for content, layer in zip(contents, layers, strict=True)):
            return Checked(tag, problems=(f"altered: {tag}: its blobs are others than its manifest says",))
        return await checked(tag, Artifact(contents[0], texts[0]), self.app, self.signatures, now)

    def _vanished(self, tags: Iterable[str]) -> Iterator[str]:
        for tag in sorted(self.cache.tags() - set(tags)):
            yield (
                f"missing: {tag}: was in the registry before, and is gone; if the registry was emptied on purpose, "
                "empty the ledger's cache too"
            )


async def store(registry: Registry, tag: str, artifact: Artifact) -> None:
    """Store a record under its tag."""
    known = await registry.has_blob(digest_of(EMPTY_CONTENT))
    blobs = artifact.blobs if known else (EMPTY_CONTENT, *artifact.blobs)
    await asyncio.gather(*(registry.put_blob(blob) for blob in blobs))
    await registry.put_manifest(tag, artifact.manifest())


def _history(found: Iterable[Checked], problems: Iterable[str]) -> History:
    told = [*problems, *(problem for one in found for problem in one.problems)]
    # A record under two tags is one record.
    entries = in_order(list({one.entry.id: one.entry for one in found if one.entry}.values()))
    seen = {id_of(one.artifact.payload) for one in found if one.artifact}
    ordered, early = without_disorder(entries)
    fresh, replayed = without_replays(ordered)
    return History(tuple(fresh), (*told, *early, *replayed, *missing(entries, seen)))
