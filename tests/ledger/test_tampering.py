"""The ledger finds altered, forged, reordered and missing records."""

import base64
import dataclasses
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from ci.ledger.errors import SigningError
from ci.ledger.history import History
from ci.ledger.records import Lift, LockTakeover, serialize_record
from ci.ledger.store.artifacts import Artifact, tag_of
from ci.ledger.store.cache import Cache
from ci.ledger.store.registry import digest_of
from ci.ledger.store.store import Ledger, store_artifact
from tests.ledger.attacker import LOCK, a_lock, push, push_payload, remove, signed_by, tag_at
from tests.ledger.workspace import Workspace, refusal


class TestAltered:
    async def test_record_that_does_not_match_its_tag_is_altered(self, ledger: Ledger) -> None:
        entry, _ = await ledger.append(History(), LockTakeover, **LOCK)
        tag = await tag_at(ledger, 0)
        changed = entry.record.model_copy(update={"previous_actor": "another", "actor": "anonymous"})
        await push(ledger, changed, tag=tag)
        history = await ledger.read()
        assert history.entries == ()
        assert history.problems == (f"altered: {tag}: holds another record than its tag",)

    async def test_embedded_record_that_differs_from_its_blob_is_altered(self, ledger: Ledger) -> None:
        await ledger.append(History(), LockTakeover, **LOCK)
        tag = await tag_at(ledger, 0)
        manifest = json.loads(await ledger.registry.manifest(tag))
        manifest["layers"][0]["data"] = base64.b64encode(b"{}").decode()
        await ledger.registry.put_manifest(tag, json.dumps(manifest).encode())
        history = await ledger.read()
        assert history.entries == ()
        assert history.problems == (f"altered: {tag}: its blobs do not match its manifest",)

    async def test_record_tag_that_points_at_an_image_is_altered(self, ledger: Ledger) -> None:
        await ledger.append(History(), LockTakeover, **LOCK)
        tag = await tag_at(ledger, 0)
        manifest = json.loads(await ledger.registry.manifest(tag))
        await ledger.registry.put_manifest(tag, json.dumps({**manifest, "artifactType": "x/y"}).encode())
        assert (await ledger.read()).problems == (f"altered: {tag}: is not a record's manifest",)

    async def test_cached_record_survives_its_change_in_the_registry(self, ledger: Ledger, tmp_path: Path) -> None:
        cached = dataclasses.replace(ledger, cache=Cache(tmp_path))
        entry, _ = await cached.append(History(), LockTakeover, **LOCK)
        changed = entry.record.model_copy(update={"previous_actor": "another", "actor": "anonymous"})
        await push(ledger, changed, tag=await tag_at(ledger, 0))
        assert [one.id for one in (await cached.read()).entries] == [entry.id]

    @pytest.mark.parametrize("with_own_tag", [True, False])
    async def test_overwritten_record_is_altered_although_it_is_cached(
        self, ledger: Ledger, tmp_path: Path, *, with_own_tag: bool
    ) -> None:
        cached = dataclasses.replace(ledger, cache=Cache(tmp_path))
        entry, _ = await cached.append(History(), LockTakeover, **LOCK)
        tag = await tag_at(ledger, 0)
        before = digest_of(await ledger.registry.manifest(tag))[:19]
        changed = entry.record.model_copy(update={"previous_actor": "another", "actor": "anonymous"})
        if with_own_tag:
            # The record without its signature has the same text, and so the same tag.
            await push_payload(ledger, serialize_record(entry.record), tag=tag)
        else:
            await push(ledger, changed, tag=tag)
        after = digest_of(await ledger.registry.manifest(tag))[:19]
        for _ in range(2):
            history = await cached.read()
            assert [(one.id, one.signer, one.sound) for one in history.entries] == [(entry.id, "lead", False)]
            assert history.problems == (
                f"altered: {tag}: is {after} and was {before} before: its record was overwritten",
            )

    async def test_same_record_in_another_manifest_is_not_altered(self, ledger: Ledger, tmp_path: Path) -> None:
        cached = dataclasses.replace(ledger, cache=Cache(tmp_path))
        await cached.append(History(), LockTakeover, **LOCK)
        tag = await tag_at(ledger, 0)
        manifest = json.loads(await ledger.registry.manifest(tag))
        await ledger.registry.put_manifest(tag, json.dumps(manifest, indent=2).encode())
        assert (await cached.read()).problems == ()

    async def test_altered_cache_is_not_used(self, ledger: Ledger, tmp_path: Path) -> None:
        cached = dataclasses.replace(ledger, cache=Cache(tmp_path))
        entry, history = await cached.append(History(), LockTakeover, **LOCK)
        changed = Artifact(serialize_record(entry.record.model_copy(update={"previous_actor": "another"})))
        (tmp_path / await tag_at(ledger, 0)).write_bytes(changed.manifest())
        assert await cached.read() == history
        assert await cached.read() == history

    async def test_invalid_tag_is_unreadable(self, ledger: Ledger) -> None:
        await push(ledger, await a_lock(ledger), tag="ledger-of-ours")
        assert (await ledger.read()).problems == ("unreadable: ledger-of-ours: is not a record's tag",)


class TestForged:
    async def test_actor_without_a_signature_is_forged(self, ledger: Ledger) -> None:
        tag = await push(ledger, await a_lock(ledger, actor="lead"))
        history = await ledger.read()
        assert [entry.signer for entry in history.entries] == [""]
        assert history.problems == (f"forged: {tag}: names lead as its actor, but is not signed",)

    async def test_signature_of_an_unknown_key_is_forged(self, workspace: Workspace, ledger: Ledger) -> None:
        record = await a_lock(ledger, actor="lead")
        signature = await signed_by(workspace, "stranger", serialize_record(record))
        tag = await push(ledger, record, signature)
        history = await ledger.read()
        assert [entry.signer for entry in history.entries] == [""]
        what = "names lead as its actor, but is signed by a key that is not in allowed_signers"
        assert history.problems == (f"forged: {tag}: {what}",)

    async def test_signature_of_another_person_is_forged(self, workspace: Workspace, ledger: Ledger) -> None:
        record = await a_lock(ledger, actor="lead")
        tag = await push(ledger, record, await signed_by(workspace, "author", serialize_record(record)))
        history = await ledger.read()
        assert [entry.signer for entry in history.entries] == [""]
        assert history.problems == (f"forged: {tag}: names lead as its actor, but is signed by author",)

    async def test_signature_of_another_record_is_forged(self, workspace: Workspace, ledger: Ledger) -> None:
        signature = await signed_by(workspace, "lead", serialize_record(await a_lock(ledger)))
        tag = await push(ledger, await a_lock(ledger, actor="lead"), signature)
        what = "names lead as its actor, but is signed by lead over another text"
        assert (await ledger.read()).problems == (f"forged: {tag}: {what}",)

    async def test_invalid_signature_is_forged(self, ledger: Ledger) -> None:
        tag = await push(ledger, await a_lock(ledger, actor="lead"), "none")
        what = "names lead as its actor, but is signed with an invalid signature"
        assert (await ledger.read()).problems == (f"forged: {tag}: {what}",)

    async def test_record_of_another_app_is_forged(self, ledger: Ledger) -> None:
        tag = await push(ledger, await a_lock(ledger, app="payments"))
        history = await ledger.read()
        assert history.entries == ()
        assert history.problems == (f"forged: {tag}: is a record of payments, not of orders",)

    async def test_record_of_a_revoked_key_is_untrusted(self, workspace: Workspace, ledger: Ledger) -> None:
        await ledger.append(History(), LockTakeover, **LOCK)
        revoked = workspace.keys["lead"].with_suffix(".pub").read_text()
        strict = dataclasses.replace(ledger, signatures=dataclasses.replace(ledger.signatures, revoked=revoked))
        history = await strict.read()
        assert [entry.signer for entry in history.entries] == [""]
        (problem,) = history.problems
        assert problem.startswith("untrusted: ledger-")
        assert problem.endswith("names lead as its actor, but is signed by a revoked key of lead")
        with pytest.raises(SigningError, match="a revoked key of lead"):
            await strict.append(history, LockTakeover, **LOCK)

    async def test_forged_record_may_be_removed_again(self, ledger: Ledger) -> None:
        first, _ = await ledger.append(History(), LockTakeover, **LOCK)
        await push(ledger, await a_lock(ledger, actor="lead"))
        history = await ledger.read()
        assert len(history.entries) == 2
        second, _ = await ledger.append(history, LockTakeover, **LOCK)
        assert second.record.parents == (first.id,)
        await remove(ledger, 1)
        history = await ledger.read()
        assert ([entry.id for entry in history.entries], history.problems) == ([first.id, second.id], ())


class TestReordered:
    async def test_record_under_a_tag_of_another_time_is_reordered(self, ledger: Ledger) -> None:
        entry, _ = await ledger.append(History(), LockTakeover, **LOCK)
        artifact = await ledger.registry.manifest(await tag_at(ledger, 0))
        moved = f"ledger-20200101T000000000000Z-{entry.id[:32]}"
        await ledger.registry.put_manifest(moved, artifact)
        history = await ledger.read()
        assert [one.id for one in history.entries] == [entry.id]
        assert history.problems == (f"reordered: {moved}: is a record of {entry.record.at:%Y-%m-%d %H:%M:%S}",)

    async def test_record_that_is_older_than_its_parent_is_reordered(self, ledger: Ledger) -> None:
        await ledger.append(History(), LockTakeover, **LOCK)
        await push(ledger, await a_lock(ledger, at=datetime.now(UTC) - timedelta(days=1)))
        history = await ledger.read()
        assert len(history.entries) == 2
        assert history.entries[0].record.at > history.entries[1].record.at
        (problem,) = history.problems
        assert problem.startswith("reordered: the lock-takeover ")
        assert problem.endswith("which it comes after")

    async def test_record_of_the_future_does_not_count(self, ledger: Ledger) -> None:
        tag = await push(ledger, await a_lock(ledger, at=datetime.now(UTC) + timedelta(days=365)))
        history = await ledger.read()
        assert history.entries == ()
        assert history.problems == (f"reordered: {tag}: has a time in the future: is this machine's clock right?",)
        entry, _ = await ledger.append(history, LockTakeover, **LOCK)
        assert entry.record.at < datetime.now(UTC) + timedelta(minutes=1)

    def test_repeated_statement_does_not_count(self, workspace: Workspace) -> None:
        workspace.build()
        workspace.deny("lead", "acceptance", "slow")
        workspace.lift("lead", "acceptance", "fast")
        workspace.deny("lead", "acceptance", "still slow")
        problem = workspace.run(repeat_the_lift)
        assert problem == f"forged: the lift {problem.split()[3]} repeats an earlier statement"
        assert "denied by lead: still slow" in refusal(lambda: workspace.check("lead", "acceptance"))


async def repeat_the_lift(ledger: Ledger) -> str:
    history = await ledger.read()
    (old,) = history.of(Lift)
    update = {"at": datetime.now(UTC), "actor": "anonymous", "parents": history.heads}
    await push(ledger, old.record.model_copy(update=update))
    (problem,) = (await ledger.read()).problems
    return problem


class TestMissing:
    async def test_missing_parent_is_a_problem(self, ledger: Ledger) -> None:
        first, history = await ledger.append(History(), LockTakeover, **LOCK)
        await ledger.append(history, LockTakeover, **LOCK)
        await remove(ledger, 0)
        history = await ledger.read()
        assert len(history.entries) == 1
        (problem,) = history.problems
        assert problem.startswith(f"missing: record {first.id[:12]} is gone from the registry: the lock-takeover ")

    async def test_missing_last_record_is_a_problem_where_it_is_cached(self, ledger: Ledger, tmp_path: Path) -> None:
        cached = dataclasses.replace(ledger, cache=Cache(tmp_path))
        _, history = await cached.append(History(), LockTakeover, **LOCK)
        await cached.append(history, LockTakeover, **LOCK)
        tag = await tag_at(ledger, 1)
        await remove(ledger, 1)
        history = await cached.read()
        assert len(history.entries) == 1
        (problem,) = history.problems
        assert problem.startswith(f"missing: {tag}: was in the registry before, and is gone")


@pytest.mark.parametrize("time", ["0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59Z", "never"])
async def test_record_with_an_invalid_time_is_unreadable(ledger: Ledger, time: str) -> None:
    payload = serialize_record(await a_lock(ledger)).decode()
    at = json.loads(payload)["at"]
    artifact = Artifact(payload.replace(at, time).encode())
    await store_artifact(ledger.registry, tag_of(artifact.payload, datetime.now(UTC)), artifact)
    (problem,) = (await ledger.read()).problems
    assert problem.startswith("unreadable: ledger-")
    assert ": lock-takeover.at: " in problem


async def test_invalid_embedded_data_is_altered(ledger: Ledger) -> None:
    await ledger.append(History(), LockTakeover, **LOCK)
    tag = await tag_at(ledger, 0)
    manifest = json.loads(await ledger.registry.manifest(tag))
    manifest["layers"][0]["data"] = "\u00e4"
    await ledger.registry.put_manifest(tag, json.dumps(manifest).encode())
    assert (await ledger.read()).problems == (f"altered: {tag}: is not a record's manifest",)
