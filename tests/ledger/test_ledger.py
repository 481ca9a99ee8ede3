"""The ledger in a real registry: records are appended and read, by several writers at once."""

import asyncio
import base64
import json
from datetime import UTC, datetime, timedelta
from multiprocessing import get_context

import pytest

from ci.ledger.errors import RegistryError
from ci.ledger.history import History
from ci.ledger.reading import parse_record
from ci.ledger.records import Build, DeliveryStart, LockTakeover, record_id, serialize_record
from ci.ledger.store.store import Ledger
from tests.ledger.attacker import LOCK, a_lock, push, tag_at
from tests.ledger.workspace import DIGEST, Workspace


async def test_appended_record_is_read(ledger: Ledger) -> None:
    history = await ledger.read()
    assert history == History()
    first, history = await ledger.append(history, Build, version="1.0", image=f"r@{DIGEST}", inputs="a")
    second, history = await ledger.append(
        history, DeliveryStart, environment="dev", action="deploy", version="1.0", digest=DIGEST
    )
    assert second.record.parents == (first.id,)
    assert (first.record.actor, first.signer) == ("lead", "lead")
    assert await ledger.read() == history


async def test_record_without_a_key_is_unsigned(workspace: Workspace) -> None:
    async with workspace.open() as ledger:
        await ledger.append(History(), LockTakeover, **LOCK)
        (entry,) = (await ledger.read()).entries
    assert (entry.record.actor, entry.signer) == ("anonymous", "")


async def test_record_is_an_artifact_that_any_registry_accepts(ledger: Ledger) -> None:
    entry, _ = await ledger.append(History(), LockTakeover, **LOCK)
    tag = await tag_at(ledger, 0)
    manifest = json.loads(await ledger.registry.manifest(tag))
    assert tag == f"ledger-{entry.record.at:%Y%m%dT%H%M%S%f}Z-{entry.id[:32]}"
    assert manifest["artifactType"] == "application/vnd.slipway.record.v1+json"
    payload, signature = manifest["layers"]
    assert record_id(await ledger.registry.blob(payload["digest"])) == entry.id
    assert base64.b64decode(signature["data"]).startswith(b"-----BEGIN SSH SIGNATURE-----")


async def test_manifest_without_embedded_blobs_is_read_from_the_blobs(ledger: Ledger) -> None:
    entry, _ = await ledger.append(History(), LockTakeover, **LOCK)
    tag = await tag_at(ledger, 0)
    manifest = json.loads(await ledger.registry.manifest(tag))
    for layer in manifest["layers"]:
        del layer["data"]
    await ledger.registry.put_manifest(tag, json.dumps(manifest).encode())
    history = await ledger.read()
    assert [(one.id, one.signer) for one in history.entries] == [(entry.id, "lead")]


async def test_record_after_several_writers_names_all_their_records(ledger: Ledger) -> None:
    seen = await ledger.read()
    await asyncio.gather(*(ledger.append(seen, LockTakeover, **{**LOCK, "previous_actor": str(i)}) for i in range(5)))
    both = await ledger.read()
    assert {getattr(entry.record, "previous_actor", "") for entry in both.entries} == {"0", "1", "2", "3", "4"}
    assert len(both.heads) == 5
    last, _ = await ledger.append(both, LockTakeover, **LOCK)
    history = await ledger.read()
    assert history.entries[-1].record.parents == both.heads
    assert (history.heads, history.problems) == ((last.id,), ())


def write_builds(workspace: Workspace, writer: str, count: int) -> None:
    """Append builds, in a process of its own."""
    for number in range(count):
        workspace.build(f"{writer}.{number}", who="")


def test_processes_that_write_at_once_lose_no_record(workspace: Workspace) -> None:
    context, count = get_context("spawn"), 3
    writers = [context.Process(target=write_builds, args=(workspace, writer, count)) for writer in ("1", "2")]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join(60)
    assert [writer.exitcode for writer in writers] == [0, 0]
    history = workspace.read()
    versions = {entry.record.version for entry in history.of(Build)}
    assert versions == {f"{writer}.{number}" for writer in (1, 2) for number in range(count)}
    assert history.problems == ()


async def test_slow_clock_does_not_put_a_record_before_its_parent(ledger: Ledger) -> None:
    later = await a_lock(ledger, at=datetime.now(UTC) + timedelta(minutes=2))
    await push(ledger, later)
    entry, _ = await ledger.append(await ledger.read(), LockTakeover, **LOCK)
    history = await ledger.read()
    assert entry.record.at > later.at
    assert (history.entries[-1].id, history.problems) == (entry.id, ())


async def test_wrong_clock_appends_nothing(ledger: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    history = await ledger.read()
    monkeypatch.setattr(ledger.registry, "time", datetime.now(UTC) + timedelta(hours=1))
    with pytest.raises(RegistryError, match="set the wrong one"):
        await ledger.append(history, LockTakeover, **LOCK)


def test_record_has_one_canonical_text(workspace: Workspace) -> None:
    workspace.build(who="")
    (entry,) = workspace.read().entries
    payload = serialize_record(entry.record)
    assert (record_id(payload), parse_record(payload).record) == (entry.id, entry.record)
    assert payload == json.dumps(json.loads(payload), sort_keys=True, separators=(",", ":")).encode()
    assert json.loads(payload)["schema"] == 2
