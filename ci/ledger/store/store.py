"""The ledger: append-only records beside the service's images, in any OCI registry."""

import asyncio
import functools
from collections.abc import Awaitable, Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Generic, TypeVar

from ci.ledger.errors import (
    DeniedError,
    InvalidError,
    MissingError,
    RegistryError,
    SchemaError,
    SigningError,
    UnreachableError,
)
from ci.ledger.history import Entry, History
from ci.ledger.records import AHEAD, ANONYMOUS, Record, record_id, serialize_record
from ci.ledger.signing.signatures import Signatures
from ci.ledger.store.artifacts import Artifact, Form, Manifest, embedded_blob, parse_tag, tag_of
from ci.ledger.store.cache import Cache
from ci.ledger.store.checks import CheckedRecord, check_record
from ci.ledger.store.order import find_missing_parents, mark_disorder, remove_replays, sort_entries
from ci.ledger.store.registry import Registry, digest_of
from ci.ledger.tags import RECORDS

# How many records are fetched at once.
CONCURRENCY = 8
# How many of the newest cached records are compared with the registry's at each reading: a request each. Older ones are
# only looked for in the list of tags. A cached record is right in any case: its tag holds its hash.
COMPARED = 100
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
    # Cached records whose tags were compared with the registry's.
    _compared: set[str] = field(default_factory=set)
    _slots: asyncio.Semaphore = field(default_factory=functools.partial(asyncio.Semaphore, CONCURRENCY))

    async def read(self) -> History:
        """Read every record; the history holds the ledger's problems.

        Raises:
            RegistryError: The registry cannot be used.
            SchemaError: All records have a schema that this version does not read.
            SigningError: The allowed signers or the revoked keys cannot be read.
        """
        self.signatures.check()
        tags = sorted(tag for tag in await self.registry.tags() if tag.startswith(RECORDS))
        now = datetime.now(UTC)
        newest = frozenset(tags[-COMPARED:])
        read = (functools.partial(self._read_one, tag, now, compare=tag in newest) for tag in tags)
        found = await asyncio.gather(*(self._in_slot(one) for one in read))
        for one in found:
            if one.manifest and not one.problems:
                self.cache.put(one.tag, one.manifest)
        self._raise_if_old(found)
        return _build_history(found, self._find_vanished(tags))

    async def read_existing(self) -> History:
        """Read every record of a repository that exists; see `read`.

        Raises:
            MissingError: The registry has no such repository: nothing was built yet, or its name is misspelt.
        """
        history = await self.read()
        if not self.registry.exists:
            raise MissingError(
                f"{self.registry.where}: the registry has no such repository: if a version was built before, mend "
                "[registry] repository in pipeline.toml; else build one: `ci call package`"
            )
        return history

    async def append(self, history: History, kind: type[K], **fields: object) -> tuple[Entry[K], History]:
        """Append a record after a history; returns its entry and the new history.

        Raises:
            RegistryError: The registry cannot be used.
            SigningError: The key cannot be used, or readers would reject its signature.
        """
        draft = await self.draft(history, kind, **fields)
        return draft.entry, await self.commit(history, draft)

    async def draft(self, history: History, kind: type[K], **fields: object) -> "Draft[K]":
        """Write and sign a record without storing it."""
        actor = await self.signatures.find_actor() or ANONYMOUS
        parents = history.heads
        newest = [entry.record.at for entry in history.entries if entry.id in parents]
        # With a clock that is a little behind the last writer's, this record must still come after the other.
        at = max([self._now(), *(time + timedelta(microseconds=1) for time in newest)])
        record = kind(app=self.app, at=at, actor=actor, parents=parents, **fields)
        payload = serialize_record(record)
        artifact = Artifact(payload, await self.signatures.sign(payload) if self.signatures.can_sign else "")
        # A record that readers would reject is not stored.
        found = await check_record(tag_of(payload, at), artifact, self.app, self.signatures, at)
        if found.entry is None or found.problems:
            raise SigningError("\n".join(found.problems))
        return Draft(found.tag, artifact, Entry(found.entry.id, record, found.entry.signer, found.entry.person))

    async def commit(self, history: History, draft: "Draft[K]") -> History:
        """Store a draft, and return the new history."""
        self.cache.put(draft.tag, await self._store(draft.tag, draft.artifact))
        return history.with_entry(draft.entry)

    async def probe(self) -> None:
        """Store an artifact without a tag: registries refuse only when something is pushed.

        Raises:
            RegistryError: The registry does not take records.
        """
        await self._store("", Artifact(b"{}"))

    async def _store(self, tag: str, artifact: Artifact) -> bytes:
        form: Form = "image" if self.cache.images_only else "artifact"
        manifest = await store_artifact(self.registry, tag, artifact, form)
        if manifest == artifact.manifest("image"):
            self.cache.remember_images_only()
        return manifest

    def _now(self) -> datetime:
        now, theirs = datetime.now(UTC), self.registry.time
        if theirs and abs(now - theirs) > AHEAD / 2:
            raise RegistryError(
                f"{self.registry.where}: the registry's clock shows {theirs:%Y-%m-%d %H:%M} and this machine's "
                f"{now:%Y-%m-%d %H:%M}: "
                "set the wrong one, or records would be out of order"
            )
        return now

    async def _in_slot(self, work: Callable[[], Awaitable[T]]) -> T:
        async with self._slots:
            return await work()

    async def _read_one(self, tag: str, now: datetime, *, compare: bool) -> CheckedRecord:
        if parse_tag(tag) is None:
            return CheckedRecord(tag, problems=(f"unreadable: {tag}: is not a record's tag",))
        if kept := self.cache.get(tag):
            known = await self._check(tag, kept, now)
            if known.entry:
                return await self._compare(tag, kept, known, now) if compare else known
            self.cache.drop(tag)
        return await self._fetch(tag, now)

    async def _compare(self, tag: str, kept: bytes, known: CheckedRecord, now: datetime) -> CheckedRecord:
        """Return a cached record, with a problem where its tag names another record now: a tag is written once."""
        if tag in self._compared:
            return known
        before, current = digest_of(kept), await self.registry.digest(tag)
        # The same record in another manifest is no change.
        if current == before or (current and (await self._fetch(tag, now)).artifact == known.artifact):
            self._compared.add(tag)
            return known
        problem = f"missing: {tag}: is listed, but not in the registry"
        if current:
            problem = f"altered: {tag}: is {current[:19]} and was {before[:19]} before: its record was overwritten"
        entry = replace(known.entry, sound=False) if known.entry else None
        return replace(known, entry=entry, problems=(*known.problems, problem))

    async def _fetch(self, tag: str, now: datetime) -> CheckedRecord:
        try:
            return await self._check(tag, await self.registry.manifest(tag), now)
        except (UnreachableError, DeniedError):
            raise
        except MissingError:
            return CheckedRecord(tag, problems=(f"missing: {tag}: is listed, but not in the registry",))
        except RegistryError as error:
            return CheckedRecord(tag, problems=(f"unreadable: {tag}: {error}",))

    async def _check(self, tag: str, manifest: bytes, now: datetime) -> CheckedRecord:
        try:
            layers = Manifest.model_validate_json(manifest).layers
            contents = [embedded_blob(layer) or await self.registry.blob(layer.digest) for layer in layers]
            texts = [*(content.decode() for content in contents[1:]), ""]
        except ValueError:
            return CheckedRecord(tag, problems=(f"altered: {tag}: is not a record's manifest",))
        if any(digest_of(content) != layer.digest for content, layer in zip(contents, layers, strict=True)):
            return CheckedRecord(tag, problems=(f"altered: {tag}: its blobs do not match its manifest",))
        found = await check_record(tag, Artifact(contents[0], texts[0]), self.app, self.signatures, now)
        return replace(found, manifest=manifest)

    def _raise_if_old(self, found: Iterable[CheckedRecord]) -> None:
        old = [one for one in found if one.other_schema]
        # Beside readable records, anybody with push access may have added these: they are problems then, not an error.
        if old and not any(one.entry for one in found):
            raise SchemaError(
                f"{self.registry.where}: the ledger's record {old[0].tag} {old[0].other_schema}: start a new ledger: "
                "set [registry] repository in pipeline.toml to another repository, or delete this one's tags ledger-*"
            )

    def _find_vanished(self, tags: Iterable[str]) -> Iterator[str]:
        for tag in sorted(self.cache.tags() - set(tags)):
            yield (
                f"missing: {tag}: was in the registry before, and is gone; if the registry was emptied on purpose, "
                "empty the ledger's cache too"
            )


async def store_artifact(registry: Registry, tag: str, artifact: Artifact, form: Form = "artifact") -> bytes:
    """Store a record under its tag (empty: by its digest alone), and return its manifest.

    A registry that takes no artifact gets an image.

    Raises:
        InvalidError: The registry takes neither.
    """
    config, manifest = artifact.config(form), artifact.manifest(form)
    known = await registry.has_blob(digest_of(config))
    await asyncio.gather(*(registry.put_blob(blob) for blob in ([] if known else [config]) + [*artifact.blobs]))
    try:
        await registry.put_manifest(tag or digest_of(manifest), manifest)
    except InvalidError:
        if form == "image":
            raise
        return await store_artifact(registry, tag, artifact, "image")
    return manifest


def _build_history(found: Iterable[CheckedRecord], problems: Iterable[str]) -> History:
    problems = [*problems, *(problem for one in found for problem in one.problems)]
    # One record may have two tags.
    entries = sort_entries(list({one.entry.id: one.entry for one in found if one.entry}.values()))
    seen = {record_id(one.artifact.payload) for one in found if one.artifact}
    ordered, disorder = mark_disorder(entries)
    fresh, replays = remove_replays(ordered)
    return History(tuple(fresh), (*problems, *disorder, *replays, *find_missing_parents(entries, seen)))
