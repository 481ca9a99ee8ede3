"""The records of whole deliveries, killed and lost ones too."""

import asyncio

from ci.ledger.builds import record_build
from ci.ledger.records import BuildDescription, DeliveryEnd, DeliveryStart, LockTakeover, Recovery
from ci.outcome import Outcome
from tests.delivery.process import Fault
from tests.delivery.test_deploy import find_call
from tests.delivery.world import World, digest_of, image_of


async def recoveries(world: World) -> list[Recovery]:
    history = await world.read()
    assert history.problems == ()
    return [entry.record for entry in history.of(Recovery)]


async def test_record_of_an_end_holds_everything_about_the_delivery(world: World) -> None:
    await world.release("dev", "good-1")
    result = await world.release("dev", "failing")
    history = await world.read()
    (start,) = history.of(DeliveryStart, version="failing")
    (end,) = history.of(DeliveryEnd, version="failing")
    assert (end.record.start, end.signer, end.record.actor) == (start.id, "lead", "lead")
    assert (end.record.previous_version, end.record.previous_digest) == ("good-1", digest_of("good-1"))
    assert (end.record.address, end.record.features) == ("http://localhost:8082", "all")
    assert [stage.model_dump() for stage in end.record.stages] == [stage.model_dump() for stage in result.ended.stages]
    assert [stage.name for stage in end.record.stages if not stage.ok] == ["test"]
    assert history.open_starts("dev") == ()
    assert await recoveries(world) == []


async def test_start_without_an_end_is_ended_by_the_next_delivery(world: World) -> None:
    await world.release("dev", "good-1", fault=Fault("kill", await find_call("route")))
    await world.release("dev", "good-2", actor="stakeholder")
    (killed,) = (await world.read()).of(DeliveryStart, version="good-1")
    (recovery,) = await recoveries(world)
    assert (recovery.start, recovery.resolution, recovery.digest, recovery.actor) == (
        killed.id,
        "undone",
        "",
        "stakeholder",
    )
    assert "good-1" in recovery.message
    assert "lead" in recovery.message
    assert (await world.read()).open_starts("dev") == ()


async def test_recovery_that_finishes_a_delivery_is_recorded_as_serving(world: World) -> None:
    await world.release("dev", "good-1")
    await world.release("dev", "good-2", fault=Fault("kill", await find_call("clear_intent")))
    await world.release("dev", "failing")
    (recovery,) = await recoveries(world)
    assert (recovery.resolution, recovery.version, recovery.digest) == ("finished", "good-2", digest_of("good-2"))
    (end,) = (await world.read()).of(DeliveryEnd, version="failing")
    assert end.record.previous_digest == digest_of("good-2")


async def test_delivery_that_was_killed_before_its_first_change_is_recorded_as_undone(world: World) -> None:
    await world.release("dev", "good-1", fault=Fault("kill", await find_call("check")))
    await world.release("dev", "good-2")
    (recovery,) = await recoveries(world)
    assert (recovery.resolution, recovery.version) == ("undone", "")
    assert "nothing to undo" in recovery.message


async def test_delivery_that_waits_for_the_lock_records_nothing_about_others(world: World) -> None:
    await world.build("good-1")
    await world.build("good-2")
    await asyncio.gather(world.deliver("dev", "good-1"), world.deliver("dev", "good-2"))
    assert await recoveries(world) == []
    assert len((await world.read()).of(DeliveryStart)) == 2


async def test_delivery_that_is_refused_the_lock_records_nothing(world: World) -> None:
    await world.release("dev", "good-1", fault=Fault("kill", await find_call("route")))
    result = await world.release("dev", "good-2", patience=0)
    assert result.locked
    assert await recoveries(world) == []
    assert len((await world.read()).open_starts("dev")) == 1


async def test_change_by_hand_is_observed(world: World) -> None:
    await world.release("dev", "good-1")
    before = world.stacks["dev"].current
    await world.release("dev", "good-2")
    current, target = world.stacks["dev"].current, world.target("dev")
    # As scripts/rollback.sh does.
    await target.route(before)
    await target.record_routing(current=before, previous=current, stable=before)
    await world.release("dev", "failing")
    (recovery,) = await recoveries(world)
    assert (recovery.resolution, recovery.start, recovery.version) == ("observed", "", "good-1")
    assert "by hand" in recovery.message
    assert "good-2" in recovery.message


async def test_expired_lock_that_is_taken_over_is_recorded(world: World) -> None:
    await world.release("dev", "good-1", fault=Fault("kill", await find_call("route")))
    await world.release("dev", "good-2")
    (takeover,) = (await world.read()).of(LockTakeover)
    assert takeover.record.environment == "dev"
    assert "lead" in takeover.record.previous_actor


async def test_delivery_that_lost_its_target_after_the_switch_is_recorded_anew(world: World) -> None:
    await world.release("dev", "good-1")
    result = await world.release("dev", "good-2", fault=Fault("lost", await find_call("read_metrics", 2)))
    assert result.ended.outcome is Outcome.FAILED
    await world.release("dev", "failing")
    (start,) = (await world.read()).of(DeliveryStart, version="good-2")
    (recovery,) = await recoveries(world)
    assert (recovery.start, recovery.resolution, recovery.version) == (start.id, "undone", "good-1")


async def test_delivery_that_lost_its_target_when_all_was_done_is_recorded_as_serving(world: World) -> None:
    await world.release("dev", "good-1")
    result = await world.release("dev", "good-2", fault=Fault("unanswered", await find_call("clear_intent")))
    assert result.ended.outcome is Outcome.FAILED
    await world.release("dev", "failing")
    (recovery,) = await recoveries(world)
    assert (recovery.resolution, recovery.version) == ("finished", "good-2")


async def test_delivery_that_could_not_record_its_end_is_recorded_as_serving(world: World) -> None:
    await world.release("dev", "good-1")
    result = await world.release("dev", "good-2", fault=Fault("lost", await find_call("put_manifest", 2)))
    assert result.ended.unrecorded
    await world.release("dev", "failing")
    (recovery,) = await recoveries(world)
    assert (recovery.resolution, recovery.version) == ("finished", "good-2")
    assert "could not record its end" in recovery.message


async def test_refused_delivery_records_no_start(world: World) -> None:
    await world.build("good-1")
    assert (await world.deliver("production", "good-1")).report is None
    assert (await world.read()).of(DeliveryStart) == ()


async def test_strangers_build_record_is_neither_signed_nor_delivered(world: World) -> None:
    stranger = BuildDescription(
        version="good-1", image=image_of("a stranger's"), test_image=image_of("its tests"), inputs="inputs of good-1"
    )
    await record_build(world.ledger(""), world.settings.people, stranger)
    result = await world.release("dev", "good-1")
    assert (result.ended.outcome, result.ended.digest) == (Outcome.SUCCEEDED, digest_of("good-1"))
    history = await world.read()
    assert [entry.signer for entry in history.of_digest(stranger.image.partition("@")[2])] == [""]
    assert history.problems == ()
