"""The verify window: metrics in, a verdict out."""

import asyncio

import pytest

from ci.delivery.verification import verify_current
from tests.delivery.world import World
from tests.targets.memory import Behaviour, MemoryTarget


@pytest.fixture
async def target(world: World) -> MemoryTarget:
    """An environment in which good-1 serves."""
    await world.release("dev", "good-1")
    return world.target("dev")


def behave(target: MemoryTarget, behaviour: Behaviour) -> None:
    target.memory.count()
    for release in target.memory.releases.values():
        release.behaviour = behaviour


async def test_good_release_passes_after_the_whole_window(target: MemoryTarget) -> None:
    began = asyncio.get_running_loop().time()
    verdict = await verify_current(target)
    assert verdict.outcome == "pass"
    assert verdict.requests >= 40
    assert 4 <= asyncio.get_running_loop().time() - began < 5


async def test_failing_release_is_found_before_the_window_ends(target: MemoryTarget) -> None:
    behave(target, Behaviour(errors=0.5))
    began = asyncio.get_running_loop().time()
    verdict = await verify_current(target, 60)
    assert verdict.outcome == "fail"
    assert asyncio.get_running_loop().time() - began < 10


async def test_slow_release_fails(target: MemoryTarget) -> None:
    behave(target, Behaviour(latency=2.0))
    verdict = await verify_current(target)
    assert verdict.outcome == "fail"
    assert "longer" in verdict.reasons[0]


async def test_replica_that_ends_in_the_window_fails(target: MemoryTarget) -> None:
    age = 9 + asyncio.get_running_loop().time()
    behave(target, Behaviour(healthy_until=age, counted=0))
    verdict = await verify_current(target, 60)
    assert verdict.outcome == "fail"
    assert "ended by themselves" in verdict.reasons[0]


async def test_too_few_requests_are_inconclusive(target: MemoryTarget) -> None:
    behave(target, Behaviour(counted=0))
    assert (await verify_current(target)).outcome == "inconclusive"


async def test_window_can_be_another_than_the_environments(target: MemoryTarget) -> None:
    began = asyncio.get_running_loop().time()
    assert (await verify_current(target, 30)).outcome == "pass"
    assert 30 <= asyncio.get_running_loop().time() - began < 31
