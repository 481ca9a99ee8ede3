"""How long a delivery may take."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from ci.delivery.budget import MARGIN, SHARED_PARTS, SWITCH, TRANSFERS, time_budget
from ci.delivery.deliver import deliver
from ci.delivery.policy import Policy
from ci.delivery.request import DeliveryRequest
from ci.outcome import Outcome
from tests.delivery.test_deploy import serving
from tests.delivery.world import World
from tests.targets.memory import MemoryTarget


@pytest.mark.parametrize(
    ("replicas", "parallelism", "steps", "pauses"),
    [(1, 0, 1, 0), (4, 0, 1, 0), (4, 1, 4, 3), (5, 2, 3, 2)],
)
def test_budget_counts_the_steps_of_the_replicas(replicas: int, parallelism: int, steps: int, pauses: int) -> None:
    environment = World().settings.environment("dev")
    update = environment.update.model_copy(update={"parallelism": parallelism, "delay": 3})
    environment = environment.model_copy(update={"replicas": replicas, "update": update})
    fixed = SHARED_PARTS + 2 * SWITCH + TRANSFERS + environment.verify.window
    assert time_budget(environment, test_timeout=100) == fixed + steps * 8 + pauses * 3 + 100


async def test_delivery_that_takes_longer_than_its_budget_is_undone(world: World) -> None:
    await world.release("dev", "good-1")
    await world.build("good-2")

    @asynccontextmanager
    async def hang(name: str) -> AsyncIterator[None]:
        """Keep the test run waiting for longer than all stages together may take."""
        await asyncio.sleep(1e6 if name == "run_tests" else 0)
        yield

    target, began = MemoryTarget(world.stacks["dev"], hang), asyncio.get_running_loop().time()
    policy = Policy(world.settings, world.ledger())
    report = await deliver(DeliveryRequest(environment="dev", version="good-2"), target, policy)
    budget = time_budget(target.stack.environment)
    assert (report.outcome, report.reason, report.intact) == (Outcome.FAILED, "timeout", True)
    assert budget <= asyncio.get_running_loop().time() - began < budget + MARGIN
    assert serving(world) == "good-1"
    assert world.stacks["dev"].intent is None
