"""What a killed run left is finished or undone by the next one."""

import pytest

from ci.outcome import Outcome
from tests.delivery.process import Fault
from tests.delivery.test_deploy import count_of, serving
from tests.delivery.world import World


async def kill_deploy(world: World, call: str, nth: int = 1) -> None:
    """Kill a deploy of good-2 over good-1 directly before one of its calls."""
    reference = World()
    await reference.release("dev", "good-1")
    number = count_of(await reference.release("dev", "good-2"), call, nth)
    await world.release("dev", "good-1")
    assert (await world.release("dev", "good-2", fault=Fault("kill", number))).report is None


@pytest.mark.parametrize("call", ["write_intent", "start_release", "run_tests", "route", "record_routing"])
async def test_deploy_that_is_killed_before_its_end_is_undone(world: World, call: str) -> None:
    await kill_deploy(world, call)
    after = await world.release("dev", "good-3")
    assert (after.ended.outcome, after.ended.previous.version) == (Outcome.SUCCEEDED, "good-1")
    assert after.ended.recovered == ("" if call == "write_intent" else "undone")
    assert {release.version for release in world.stacks["dev"].releases.values()} == {"good-1", "good-3"}


async def test_deploy_that_is_killed_while_it_verifies_is_undone(world: World) -> None:
    await kill_deploy(world, "read_metrics", 2)
    assert serving(world) == "good-2"
    after = await world.release("dev", "good-3")
    assert (after.ended.recovered, after.ended.previous.version) == ("undone", "good-1")


async def test_deploy_that_is_killed_when_its_release_is_stable_is_finished(world: World) -> None:
    await kill_deploy(world, "clear_intent")
    after = await world.release("dev", "good-3")
    assert (after.ended.recovered, after.ended.previous.version) == ("finished", "good-2")


async def test_first_deploy_that_is_killed_leaves_nothing_serving(world: World) -> None:
    reference = await World().release("dev", "good-1")
    await world.release("dev", "good-1", fault=Fault("kill", count_of(reference, "read_metrics", 2)))
    after = await world.release("dev", "sick")
    assert (after.ended.outcome, after.ended.recovered) == (Outcome.FAILED, "undone")
    assert (world.stacks["dev"].routed, world.stacks["dev"].releases) == ("", {})


@pytest.mark.parametrize("call", ["route", "record_routing", "probe"])
async def test_rollback_that_is_killed_is_finished(call: str) -> None:
    reference, world = World(), World()
    for one in (reference, world):
        await one.release("dev", "good-1")
        await one.release("dev", "good-2")
    number = count_of(await reference.deliver("dev", action="rollback"), call)
    await world.deliver("dev", action="rollback", fault=Fault("kill", number))
    after = await world.release("dev", "failing")
    assert (after.ended.recovered, after.ended.previous.version, serving(world)) == ("finished", "good-1", "good-1")
