"""What tests read and change on a target directly, beside the commands that people type."""

import asyncio

from ci.targets.stack import Stack
from ci.targets.swarm import removal
from ci.targets.swarm.target import SwarmTarget
from ci.targets.target import TargetState


def read_state(stack: Stack) -> TargetState:
    """Read what exists in a stack."""

    async def read() -> TargetState:
        async with SwarmTarget.connect(stack) as target:
            return await target.read_state()

    return asyncio.run(read())


def remove_stack(stack: Stack) -> None:
    """Remove a stack and its data."""

    async def work() -> None:
        async with SwarmTarget.connect(stack) as target:
            await removal.remove_stack(target.daemon, stack)

    asyncio.run(work())
