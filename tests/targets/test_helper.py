"""The helper container on a real Swarm: nothing that an interrupted run starts stays."""

import asyncio
import contextlib

import pytest

from tests.agents import Agent
from tests.machine import docker


def helpers(agent: Agent) -> str:
    """Return the stack's helper containers, the ended ones too."""
    return docker("ps", "--all", "--quiet", "--filter", f"label=slipway.helper={agent.stack.namespace}")


@pytest.mark.parametrize("seconds", [0.05, 0.2, 0.4])
async def test_interrupted_start_of_a_helper_leaves_none(serving: Agent, seconds: float) -> None:
    async with serving.target() as target:
        opening = asyncio.create_task(target._open_helper())
        await asyncio.sleep(seconds)
        opening.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await opening
    await asyncio.sleep(1)
    assert helpers(serving) == ""


async def test_stack_is_removed_with_its_running_helpers(serving: Agent) -> None:
    async with serving.target() as target:
        await target._open_helper()
        assert helpers(serving)
        await serving.remove()
    assert helpers(serving) == ""
    assert docker("network", "ls", "--quiet", "--filter", f"name={serving.stack.namespace}_") == ""
