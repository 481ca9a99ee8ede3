"""The lifetime of an environment's lock."""

import asyncio

import pytest

from ci.delivery.lock import acquire_lock, hold_lock, new_lock, stop_when_lost
from ci.targets.errors import LockedByPersonError, LockedError, UnreachableError
from tests.delivery.process import Fault
from tests.delivery.world import World


async def test_free_lock_is_acquired_at_once(world: World) -> None:
    began = asyncio.get_running_loop().time()
    assert await acquire_lock(world.target("dev"), new_lock("lead", "deploy", 60, heartbeat=True), 30) == ""
    assert asyncio.get_running_loop().time() - began < 1


async def test_run_waits_for_another_run(world: World) -> None:
    await world.build("good-1")
    await world.build("good-2")
    first, second = await asyncio.gather(world.deliver("dev", "good-1"), world.deliver("dev", "good-2"))
    assert first.ended.ok
    assert second.ended.ok
    assert second.ended.previous.version == "good-1"
    assert second.ended.stages[0].seconds > 5
    assert second.ended.took_over == ""


async def test_run_gives_up_when_its_patience_is_over(world: World) -> None:
    target = world.target("dev")
    await acquire_lock(target, new_lock("author", "deploy", 600, heartbeat=True), 0)
    async with hold_lock(target, world.stacks["dev"].lock.token if world.stacks["dev"].lock else ""):
        began = asyncio.get_running_loop().time()
        with pytest.raises(LockedError, match="author"):
            await acquire_lock(world.target("dev"), new_lock("lead", "deploy", 60, heartbeat=True), 20)
        assert 20 <= asyncio.get_running_loop().time() - began < 23


async def test_run_does_not_wait_for_a_person(world: World) -> None:
    await world.lock("dev", "stakeholder")
    began = asyncio.get_running_loop().time()
    with pytest.raises(LockedByPersonError, match="stakeholder"):
        await acquire_lock(world.target("dev"), new_lock("lead", "deploy", 60, heartbeat=True), 30)
    assert asyncio.get_running_loop().time() - began < 1


async def test_lock_of_a_killed_run_is_taken_over(world: World) -> None:
    await world.release("dev", "good-1", fault=Fault("kill", 20))
    assert world.stacks["dev"].lock is not None
    result = await world.release("dev", "good-1")
    assert result.ended.ok
    assert "lead" in result.ended.took_over
    assert "no sign of life" in result.ended.took_over


async def test_held_lock_is_renewed_and_released(world: World) -> None:
    target, lock = world.target("dev"), new_lock("lead", "deploy", 600, heartbeat=True)
    await target.acquire_lock(lock)
    async with hold_lock(target, lock.token):
        await asyncio.sleep(60)
        held = world.stacks["dev"].read_lock()
        assert held is not None
        assert held.expired == ""
    assert world.stacks["dev"].lock is None


async def test_body_stops_when_the_lock_is_lost(world: World) -> None:
    target, lock = world.target("dev"), new_lock("lead", "deploy", 600, heartbeat=True)
    await target.acquire_lock(lock)

    async def hold() -> None:
        async with hold_lock(target, lock.token) as heartbeat, stop_when_lost(heartbeat):
            await asyncio.sleep(60)

    held = asyncio.create_task(hold())
    await asyncio.sleep(3)
    await world.unlock("dev")
    with pytest.raises(LockedError, match="took over"):
        await held


async def test_heartbeat_that_fails_as_the_body_ends_stops_nothing_else() -> None:
    async def fail() -> None:
        raise UnreachableError("the connection is lost")

    heartbeat = asyncio.create_task(fail())
    async with stop_when_lost(heartbeat):
        # The heartbeat fails now, and the loop calls back when the body has ended.
        await asyncio.sleep(0)
    await asyncio.sleep(1)
    assert heartbeat.exception()
