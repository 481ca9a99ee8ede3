"""What a delivery records: what it found on the target, its start, and its end."""

import uuid
from pathlib import Path
from typing import Any

import pytest

from ci.delivery.recording import Observations, record_end, record_observations, record_start
from ci.delivery.recovery import Resolution
from ci.delivery.request import DeliveryReport, StageResult
from ci.ledger.decisions import check_policy
from ci.ledger.history import Entry, History
from ci.ledger.policy import DeliveryInput
from ci.ledger.records import DeliveryEnd, DeliveryStart, LockTakeover, Recovery
from ci.ledger.store.store import Ledger
from ci.outcome import Outcome
from ci.settings import Settings
from ci.targets.target import ReleaseRef
from tests.ledger.workspace import DIGEST, OTHER_DIGEST, PEOPLE, SETTINGS, Workspace, new_key

FIRST = ReleaseRef(release="web-1", version="1.0", image=f"orders@{DIGEST}")
SECOND = ReleaseRef(release="web-2", version="1.1", image=f"orders@{OTHER_DIGEST}")
NOTHING = ReleaseRef()
SWITCHED = StageResult(name="switch", ok=True, message="web-2 serves", seconds=0.1)


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    """Return a workspace with the builds 1.0 and 1.1."""
    keys = {name: new_key(tmp_path / name) for name in PEOPLE}
    signers = "".join(f"{name} {keys[name].with_suffix('.pub').read_text()}" for name in PEOPLE)
    found = Workspace(Settings.parse(SETTINGS.format(name="orders", repository=uuid.uuid4().hex)), keys, signers)
    found.build()
    found.build("1.1", OTHER_DIGEST)
    return found


def start(workspace: Workspace, version: str, who: str = "author") -> Entry[DeliveryStart]:
    """Record that a delivery to dev starts."""

    async def record(ledger: Ledger) -> Entry[DeliveryStart]:
        found = await check_policy(ledger, workspace.settings, DeliveryInput(environment="dev", version=version))
        return (await record_start(ledger, found.history, found.decision))[0]

    return workspace.run(record, who)


def end(workspace: Workspace, started: Entry[DeliveryStart], outcome: str = "succeeded", **details: Any) -> DeliveryEnd:
    """Record how a delivery ended."""
    fields = {name: getattr(started.record, name) for name in ("environment", "action", "version", "digest")}
    report = DeliveryReport.model_validate(
        {"outcome": outcome, "message": "", "address": "http://localhost:8080", "by": "author"} | fields | details
    )

    async def record(ledger: Ledger) -> DeliveryEnd:
        return (await record_end(ledger, await ledger.read(), started, "all", report)).record

    return workspace.run(record, "author")


def deliver(workspace: Workspace, version: str, outcome: str = "succeeded", **details: Any) -> DeliveryEnd:
    return end(workspace, start(workspace, version), outcome, **details)


def find(workspace: Workspace, serving: ReleaseRef, resolution: Resolution = "", took_over: str = "") -> History:
    """Record what the holder of the lock finds, and return the ledger's new history."""

    async def record(ledger: Ledger) -> History:
        await record_observations(ledger, await ledger.read(), "dev", Observations(serving, took_over, resolution))
        return await ledger.read()

    history = workspace.run(record, "lead")
    assert history.problems == ()
    return history


def recoveries(history: History) -> list[tuple[str, str, str]]:
    """Return the resolution, the version and the start of each recovery."""
    found = [entry.record for entry in history.of(Recovery)]
    return [(record.resolution, record.version, record.start) for record in found]


@pytest.mark.parametrize("outcome", list(Outcome))
def test_end_keeps_every_fact(workspace: Workspace, outcome: Outcome) -> None:
    stages = (SWITCHED, StageResult(name="verify", ok=False, message="p95 is too high", seconds=5))
    recorded = deliver(workspace, "1.1", outcome.value, stages=stages, previous=FIRST)
    (entry,) = workspace.read().of(DeliveryEnd)
    assert entry.record == recorded
    assert [stage.model_dump() for stage in recorded.stages] == [stage.model_dump() for stage in stages]
    assert (recorded.previous_version, recorded.previous_digest, recorded.outcome) == ("1.0", DIGEST, outcome)
    assert (recorded.address, recorded.features) == ("http://localhost:8080", "all")


def test_start_names_its_actor_and_release(workspace: Workspace) -> None:
    started = start(workspace, "1.0")
    assert (started.signer, started.record.actor, started.record.digest) == ("author", "author", DIGEST)


def test_killed_delivery_is_undone_by_the_next_one(workspace: Workspace) -> None:
    killed = start(workspace, "1.0")
    history = find(workspace, NOTHING, "undone")
    assert recoveries(history) == [("undone", "", killed.id)]
    (recovery,) = history.of(Recovery)
    assert (recovery.record.actor, recovery.record.digest) == ("lead", "")
    assert recovery.record.message.endswith("(1.0, started by author)")
    assert history.open_starts("dev") == ()


def test_finished_delivery_serves(workspace: Workspace) -> None:
    killed = start(workspace, "1.1")
    history = find(workspace, SECOND, "finished")
    assert recoveries(history) == [("finished", "1.1", killed.id)]
    current = history.current("dev")
    assert current
    assert current.record.digest == OTHER_DIGEST


def test_delivery_that_was_killed_before_any_change_is_undone(workspace: Workspace) -> None:
    killed = start(workspace, "1.0")
    history = find(workspace, NOTHING)
    assert recoveries(history) == [("undone", "", killed.id)]
    assert "had left nothing to undo" in history.of(Recovery)[0].record.message


def test_only_the_last_of_several_killed_deliveries_is_finished(workspace: Workspace) -> None:
    first, last = start(workspace, "1.0"), start(workspace, "1.1")
    history = find(workspace, SECOND, "finished")
    assert recoveries(history) == [("undone", "1.1", first.id), ("finished", "1.1", last.id)]


def test_unrecorded_end_of_a_serving_delivery_is_finished(workspace: Workspace) -> None:
    cut_off = start(workspace, "1.1")
    history = find(workspace, SECOND)
    assert recoveries(history) == [("finished", "1.1", cut_off.id)]
    assert "could not record its end serves" in history.of(Recovery)[0].record.message


def test_failed_delivery_that_serves_after_its_switch_is_finished(workspace: Workspace) -> None:
    deliver(workspace, "1.0")
    cut_off = start(workspace, "1.1")
    end(workspace, cut_off, "failed", stages=(SWITCHED,), previous=FIRST)
    assert recoveries(find(workspace, SECOND)) == [("finished", "1.1", cut_off.id)]


def test_failed_delivery_that_a_recovery_finished_is_recorded(workspace: Workspace) -> None:
    deliver(workspace, "1.0")
    failed = start(workspace, "1.1")
    end(workspace, failed, "failed", previous=FIRST)
    assert recoveries(find(workspace, SECOND, "finished")) == [("finished", "1.1", failed.id)]


def test_change_by_hand_is_observed(workspace: Workspace) -> None:
    deliver(workspace, "1.0")
    deliver(workspace, "1.1", previous=FIRST)
    history = find(workspace, FIRST)
    assert recoveries(history) == [("observed", "1.0", "")]
    assert history.of(Recovery)[0].record.message.endswith("by the ledger, 1.1 (bbbbbbbbbbbb) serves")


def test_change_by_hand_after_a_failed_delivery_is_observed(workspace: Workspace) -> None:
    deliver(workspace, "1.0")
    deliver(workspace, "1.1", "failed", previous=FIRST)
    assert recoveries(find(workspace, SECOND)) == [("observed", "1.1", "")]


def test_version_of_a_change_by_hand_is_found_in_the_ledger(workspace: Workspace) -> None:
    deliver(workspace, "1.0")
    unnamed = ReleaseRef(release="web-2", image=f"orders@{OTHER_DIGEST}")
    assert recoveries(find(workspace, unnamed)) == [("observed", "1.1", "")]


def test_nothing_is_recorded_where_ledger_and_target_agree(workspace: Workspace) -> None:
    deliver(workspace, "1.0")
    before = len(workspace.read().entries)
    assert len(find(workspace, FIRST).entries) == before


def test_takeover_of_a_lock_is_recorded(workspace: Workspace) -> None:
    (takeover,) = find(workspace, NOTHING, took_over="author on a laptop").of(LockTakeover)
    assert (takeover.record.previous_actor, takeover.record.environment) == ("author on a laptop", "dev")
