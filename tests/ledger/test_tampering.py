"""What somebody did to the ledger is found: altered, forged, reordered and missing records."""

import base64
import dataclasses
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from ci.ledger import protocol as p
from ci.ledger.errors import SigningError
from ci.ledger.history import History
from ci.ledger.records import Lift, Takeover, write
from ci.ledger.store.artifacts import Artifact, tag_of
from ci.ledger.store.cache import Cache
from ci.ledger.store.store import Ledger, store
from tests.ledger.attacker import LOCK, a_lock, push, remove, signed_by, tag_at
from tests.ledger.desk import Desk


class TestAltered:
    async def test_a_record_is_exchanged_for_another_under_its_tag(self, ledger: Ledger) -> None:
        entry, _ = await ledger.append(History(), Takeover, **LOCK)
        tag = await tag_at(ledger, 0)
        changed = entry.record.model_copy(update={"holder": "somebody else", "by": "anonymous"})
        await push(ledger, changed, tag=tag)
        history = await ledger.read()
        assert history.entries == ()
        assert history.problems == (f"altered: {tag}: holds another record than its tag says",)

    async def test_the_record_in_the_manifest_is_not_its_blob(self, ledger: Ledger) -> None:
        await ledger.append(History(), Takeover, **LOCK)
        tag = await tag_at(ledger, 0)
        manifest = json.loads(await ledger.registry.manifest(tag))
        manifest["layers"][0]["data"] = base64.b64encode(b"{}").decode()
        await ledger.registry.put_manifest(tag, json.dumps(manifest).encode())
        history = await ledger.read()
        assert history.entries == ()
        assert history.problems == (f"altered: {tag}: its blobs are others than its manifest says",)

    async def test_a_tag_is_pointed_at_some_image(self, ledger: Ledger) -> None:
        await ledger.append(History(), Takeover, **LOCK)
        tag = await tag_at(ledger, 0)
        manifest = json.loads(await ledger.registry.manifest(tag))
        await ledger.registry.put_manifest(tag, json.dumps({**manifest, "artifactType": "x/y"}).encode())
        assert (await ledger.read()).problems == (f"altered: {tag}: is no manifest of a record",)

    async def test_who_read_it_before_still_has_what_it_was(self, ledger: Ledger, tmp_path: Path) -> None:
        cached = dataclasses.replace(ledger, cache=Cache(tmp_path))
        entry, _ = await cached.append(History(), Takeover, **LOCK)
        changed = entry.record.model_copy(update={"holder": "somebody else", "by": "anonymous"})
        await push(ledger, changed, tag=await tag_at(ledger, 0))
        assert [one.id for one in (await cached.read()).entries] == [entry.id]

    async def test_a_cache_that_was_altered_is_not_believed(self, ledger: Ledger, tmp_path: Path) -> None:
        cached = dataclasses.replace(ledger, cache=Cache(tmp_path))
        entry, history = await cached.append(History(), Takeover, **LOCK)
        changed = Artifact(write(entry.record.model_copy(update={"holder": "somebody else"})))
        (tmp_path / await tag_at(ledger, 0)).write_bytes(changed.manifest())
        assert await cached.read() == history
        assert await cached.read() == history

    async def test_a_record_of_a_kind_that_nobody_knows(self, ledger: Ledger) -> None:
        payload = b'{"kind":"wish","app":"orders"}'
        artifact = Artifact(payload)
        tag = tag_of(payload, datetime.now(UTC))
        await store(ledger.registry, tag, artifact)
        (problem,) = (await ledger.read()).problems
        assert problem.startswith(f"unreadable: {tag}: ")
        assert "'wish'" in problem

    async def test_a_tag_that_no_record_has(self, ledger: Ledger) -> None:
        await push(ledger, await a_lock(ledger), tag="ledger-of-ours")
        assert (await ledger.read()).problems == ("unreadable: ledger-of-ours: is no tag of a record",)


class TestForged:
    async def test_a_name_without_a_signature(self, ledger: Ledger) -> None:
        tag = await push(ledger, await a_lock(ledger, by="lead"))
        history = await ledger.read()
        assert [entry.signer for entry in history.entries] == [""]
        assert history.problems == (f"forged: {tag}: says that it is by lead, but is not signed",)

    async def test_a_signature_of_a_key_that_nobody_knows(self, desk: Desk, ledger: Ledger) -> None:
        record = await a_lock(ledger, by="lead")
        signature = await signed_by(desk, "stranger", write(record))
        tag = await push(ledger, record, signature)
        history = await ledger.read()
        assert [entry.signer for entry in history.entries] == [""]
        what = "says that it is by lead, but is signed by a key that is nobody's in allowed_signers"
        assert history.problems == (f"forged: {tag}: {what}",)

    async def test_a_signature_of_somebody_else(self, desk: Desk, ledger: Ledger) -> None:
        record = await a_lock(ledger, by="lead")
        tag = await push(ledger, record, await signed_by(desk, "author", write(record)))
        history = await ledger.read()
        assert [entry.signer for entry in history.entries] == [""]
        assert history.problems == (f"forged: {tag}: says that it is by lead, but is signed by author",)

    async def test_a_signature_of_another_record(self, desk: Desk, ledger: Ledger) -> None:
        signature = await signed_by(desk, "lead", write(await a_lock(ledger)))
        tag = await push(ledger, await a_lock(ledger, by="lead"), signature)
        what = "says that it is by lead, but is signed by lead over another text"
        assert (await ledger.read()).problems == (f"forged: {tag}: {what}",)

    async def test_what_is_no_signature(self, ledger: Ledger) -> None:
        tag = await push(ledger, await a_lock(ledger, by="lead"), "none")
        what = "says that it is by lead, but is signed with what is no signature"
        assert (await ledger.read()).problems == (f"forged: {tag}: {what}",)

    async def test_a_record_of_another_app(self, ledger: Ledger) -> None:
        tag = await push(ledger, await a_lock(ledger, app="payments"))
        history = await ledger.read()
        assert history.entries == ()
        assert history.problems == (f"forged: {tag}: is a record of payments, not of orders",)

    async def test_a_revoked_key(self, desk: Desk, ledger: Ledger) -> None:
        await ledger.append(History(), Takeover, **LOCK)
        revoked = desk.keys["lead"].with_suffix(".pub").read_text()
        strict = dataclasses.replace(ledger, signatures=dataclasses.replace(ledger.signatures, revoked=revoked))
        history = await strict.read()
        assert [entry.signer for entry in history.entries] == [""]
        (problem,) = history.problems
        assert problem.startswith("unproven: ledger-")
        assert problem.endswith("says that it is by lead, but is signed by a revoked key of lead")
        with pytest.raises(SigningError, match="a revoked key of lead"):
            await strict.append(history, Takeover, **LOCK)

    async def test_a_forged_record_may_be_removed_again(self, ledger: Ledger) -> None:
        first, _ = await ledger.append(History(), Takeover, **LOCK)
        await push(ledger, await a_lock(ledger, by="lead"))
        history = await ledger.read()
        assert len(history.entries) == 2
        second, _ = await ledger.append(history, Takeover, **LOCK)
        assert second.record.parents == (first.id,)
        await remove(ledger, 1)
        history = await ledger.read()
        assert ([entry.id for entry in history.entries], history.problems) == ([first.id, second.id], ())


class TestReordered:
    async def test_a_record_under_the_tag_of_another_time(self, ledger: Ledger) -> None:
        entry, _ = await ledger.append(History(), Takeover, **LOCK)
        artifact = await ledger.registry.manifest(await tag_at(ledger, 0))
        moved = f"ledger-20200101T000000000000Z-{entry.id[:32]}"
        await ledger.registry.put_manifest(moved, artifact)
        history = await ledger.read()
        assert [one.id for one in history.entries] == [entry.id]
        assert history.problems == (f"reordered: {moved}: is a record of {entry.record.at:%Y-%m-%d %H:%M:%S}",)

    async def test_a_record_before_the_one_that_it_comes_after(self, ledger: Ledger) -> None:
        await ledger.append(History(), Takeover, **LOCK)
        await push(ledger, await a_lock(ledger, at=datetime.now(UTC) - timedelta(days=1)))
        history = await ledger.read()
        assert len(history.entries) == 2
        assert history.entries[0].record.at > history.entries[1].record.at
        (problem,) = history.problems
        assert problem.startswith("reordered: the takeover ")
        assert problem.endswith("which it comes after")

    async def test_a_record_of_the_future_holds_nobody_up(self, ledger: Ledger) -> None:
        tag = await push(ledger, await a_lock(ledger, at=datetime.now(UTC) + timedelta(days=365)))
        history = await ledger.read()
        assert history.entries == ()
        assert history.problems == (f"reordered: {tag}: lies in the future; is this clock right?",)
        entry, _ = await ledger.append(history, Takeover, **LOCK)
        assert entry.record.at < datetime.now(UTC) + timedelta(minutes=1)

    def test_an_old_word_is_said_again(self, desk: Desk) -> None:
        desk.build()
        place = {"environment": "acceptance", "version": "1.0", "reason": "slow"}
        desk.ask(p.Recorded, p.Deny, "lead", **place)
        desk.ask(p.Recorded, p.Lift, "lead", **place)
        desk.ask(p.Recorded, p.Deny, "lead", **{**place, "reason": "still slow"})
        again = desk.with_ledger(say_the_lift_again)
        assert again == f"forged: the lift {again.split()[3]} repeats an earlier statement"
        refused = desk.ask(p.Refused, p.Admit, "lead", environment="acceptance", version="1.0")
        assert any("still slow" in reason for reason in refused.reasons)


async def say_the_lift_again(ledger: Ledger) -> str:
    history = await ledger.read()
    (old,) = history.of(Lift)
    update = {"at": datetime.now(UTC), "by": "anonymous", "parents": history.heads}
    await push(ledger, old.record.model_copy(update=update))
    (problem,) = (await ledger.read()).problems
    return problem


class TestMissing:
    async def test_a_record_that_others_come_after(self, ledger: Ledger) -> None:
        first, history = await ledger.append(History(), Takeover, **LOCK)
        await ledger.append(history, Takeover, **LOCK)
        await remove(ledger, 0)
        history = await ledger.read()
        assert len(history.entries) == 1
        (problem,) = history.problems
        assert problem.startswith(f"missing: record {first.id[:12]} is gone from the registry: the takeover ")

    async def test_the_last_record_is_missed_by_those_who_saw_it(self, ledger: Ledger, tmp_path: Path) -> None:
        cached = dataclasses.replace(ledger, cache=Cache(tmp_path))
        _, history = await cached.append(History(), Takeover, **LOCK)
        await cached.append(history, Takeover, **LOCK)
        tag = await tag_at(ledger, 1)
        await remove(ledger, 1)
        history = await cached.read()
        assert len(history.entries) == 1
        (problem,) = history.problems
        assert problem.startswith(f"missing: {tag}: was in the registry before, and is gone")


@pytest.mark.parametrize("time", ["0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59Z", "never"])
async def test_a_time_that_nobody_can_calculate_with(ledger: Ledger, time: str) -> None:
    payload = write(await a_lock(ledger)).decode()
    at = json.loads(payload)["at"]
    artifact = Artifact(payload.replace(at, time).encode())
    await store(ledger.registry, tag_of(artifact.payload, datetime.now(UTC)), artifact)
    (problem,) = (await ledger.read()).problems
    assert problem.startswith("unreadable: ledger-")
    assert ": takeover.at: " in problem


async def test_data_that_is_none(ledger: Ledger) -> None:
    await ledger.append(History(), Takeover, **LOCK)
    tag = await tag_at(ledger, 0)
    manifest = json.loads(await ledger.registry.manifest(tag))
    manifest["layers"][0]["data"] = "\u00e4"
    await ledger.registry.put_manifest(tag, json.dumps(manifest).encode())
    assert (await ledger.read()).problems == (f"altered: {tag}: is no manifest of a record",)
