"""The ledger in a real registry: what is appended is read, by whomever and however many at once."""

import asyncio
import base64
import json
from datetime import UTC, datetime, timedelta
from multiprocessing import get_context

import pytest

from ci.ledger import protocol as p
from ci.ledger.errors import RegistryError
from ci.ledger.handling import answer, opened
from ci.ledger.history import History
from ci.ledger.records import Build, Start, Takeover, id_of, read_record, write
from ci.ledger.store.store import Ledger
from tests.ledger.attacker import LOCK, a_lock, push, tag_at
from tests.ledger.desk import DIGEST, OTHER_DIGEST, Desk


async def test_what_is_appended_is_read(ledger: Ledger) -> None:
    history = await ledger.read()
    assert history == History()
    first, history = await ledger.append(history, Build, version="1.0", image=f"r@{DIGEST}", inputs="a")
    second, history = await ledger.append(
        history, Start, environment="dev", action="deploy", version="1.0", digest=DIGEST
    )
    assert second.record.parents == (first.id,)
    assert (first.record.by, first.signer) == ("lead", "lead")
    assert await ledger.read() == history


async def test_nobody_in_particular_appends_unsigned(desk: Desk) -> None:
    async with opened(desk.request(p.Read, view="history")) as ledger:
        await ledger.append(History(), Takeover, **LOCK)
        (entry,) = (await ledger.read()).entries
    assert (entry.record.by, entry.signer) == ("anonymous", "")


async def test_the_artifact_is_one_that_any_registry_takes(ledger: Ledger) -> None:
    entry, _ = await ledger.append(History(), Takeover, **LOCK)
    tag = await tag_at(ledger, 0)
    manifest = json.loads(await ledger.registry.manifest(tag))
    assert tag == f"ledger-{entry.record.at:%Y%m%dT%H%M%S%f}Z-{entry.id[:32]}"
    assert manifest["artifactType"] == "application/vnd.slipway.record.v1+json"
    payload, signature = manifest["layers"]
    assert id_of(await ledger.registry.blob(payload["digest"])) == entry.id
    assert base64.b64decode(signature["data"]).startswith(b"-----BEGIN SSH SIGNATURE-----")


async def test_a_manifest_without_the_records_in_it_is_read_from_its_blobs(ledger: Ledger) -> None:
    entry, _ = await ledger.append(History(), Takeover, **LOCK)
    tag = await tag_at(ledger, 0)
    manifest = json.loads(await ledger.registry.manifest(tag))
    for layer in manifest["layers"]:
        del layer["data"]
    await ledger.registry.put_manifest(tag, json.dumps(manifest).encode())
    history = await ledger.read()
    assert [(one.id, one.signer) for one in history.entries] == [(entry.id, "lead")]


async def test_two_writers_at_once_make_two_heads_and_the_next_names_both(ledger: Ledger) -> None:
    seen = await ledger.read()
    await asyncio.gather(*(ledger.append(seen, Takeover, **{**LOCK, "holder": str(i)}) for i in range(5)))
    both = await ledger.read()
    assert {getattr(entry.record, "holder", "") for entry in both.entries} == {"0", "1", "2", "3", "4"}
    assert len(both.heads) == 5
    last, _ = await ledger.append(both, Takeover, **LOCK)
    history = await ledger.read()
    assert history.entries[-1].record.parents == both.heads
    assert (history.heads, history.problems) == ((last.id,), ())


def write_builds(request: str, count: int) -> None:
    """Append builds, in a process of its own."""
    asked = p.RecordBuild.model_validate_json(request)
    for number in range(count):
        outcome = asyncio.run(answer(asked.model_copy(update={"version": f"{asked.version}.{number}"})))
        assert isinstance(outcome, p.Recorded), outcome


def test_processes_that_write_at_once_lose_nothing(desk: Desk) -> None:
    context, count = get_context("spawn"), 3
    requests = [
        desk.request(p.RecordBuild, version=version, image=f"r@{DIGEST}", inputs="a").model_dump_json()
        for version in ("1", "2")
    ]
    writers = [context.Process(target=write_builds, args=(request, count)) for request in requests]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join(60)
    assert [writer.exitcode for writer in writers] == [0, 0]
    history = desk.with_ledger(lambda ledger: ledger.read())
    versions = {entry.record.version for entry in history.of(Build)}
    assert versions == {f"{writer}.{number}" for writer in (1, 2) for number in range(count)}
    assert history.problems == ()


async def test_a_slow_clock_does_not_put_a_record_before_its_parent(ledger: Ledger) -> None:
    later = await a_lock(ledger, at=datetime.now(UTC) + timedelta(minutes=2))
    await push(ledger, later)
    entry, _ = await ledger.append(await ledger.read(), Takeover, **LOCK)
    history = await ledger.read()
    assert entry.record.at > later.at
    assert (history.entries[-1].id, history.problems) == (entry.id, ())


async def test_a_wrong_clock_appends_nothing(ledger: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    history = await ledger.read()
    monkeypatch.setattr(ledger.registry, "time", datetime.now(UTC) + timedelta(hours=1))
    with pytest.raises(RegistryError, match="set the clock that is wrong"):
        await ledger.append(history, Takeover, **LOCK)


def test_a_record_is_written_in_one_way(desk: Desk) -> None:
    desk.build(who="")
    history = desk.with_ledger(lambda ledger: ledger.read())
    (entry,) = history.entries
    payload = write(entry.record)
    assert (id_of(payload), read_record(payload)) == (entry.id, entry.record)
    assert payload == json.dumps(json.loads(payload), sort_keys=True, separators=(",", ":")).encode()
    assert OTHER_DIGEST not in payload.decode()
