"""Hosts made ready for an environment, over ssh: each step looks first, and does only what is missing."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager

from ci.targets.protocol.provisioning import Provision, Provisioned
from ci.targets.provision import docker, swarm
from ci.targets.provision.machine import Machine
from ci.targets.provision.swarm import Member

__all__ = ["provision"]


async def provision(request: Provision) -> Provisioned:
    """Make every host ready; nothing is changed on any of them unless all can be reached.

    Raises:
        TargetError: A host cannot be reached, lacks something, or belongs to another swarm.
    """
    async with _machines(request) as machines:
        # None is left in the middle of an installation because another failed.
        results = await asyncio.gather(*(_docker(machine, request) for machine in machines), return_exceptions=True)
        for failure in filter(None, results):
            raise failure
        async with _members(machines) as members:
            await swarm.gather(members)
    steps = tuple(step for machine in machines for step in machine.steps)
    changed = sum(step.changed for step in steps)
    done = f"{changed} of {len(steps)} things were changed" if changed else "nothing had to be changed"
    return Provisioned(message=f"{', '.join(request.hosts)}: ready; {done}", steps=steps)


async def _docker(machine: Machine, request: Provision) -> None:
    await docker.install(machine)
    if request.registry_ca:
        await docker.trust(machine, request.stack.registry.host, request.registry_ca)


@asynccontextmanager
async def _machines(request: Provision) -> AsyncIterator[list[Machine]]:
    async with AsyncExitStack() as stack:
        yield [
            await stack.enter_async_context(Machine.connect(name, host, request.access))
            for name, host in request.hosts.items()
        ]


@asynccontextmanager
async def _members(machines: Sequence[Machine]) -> AsyncIterator[list[Member]]:
    async with AsyncExitStack() as stack:
        yield [Member(machine, await stack.enter_async_context(machine.daemon())) for machine in machines]
