"""Hosts made ready for an environment, over ssh: each step looks first, and does only what is missing."""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager

from ci.settings import Host
from ci.targets.access import Access
from ci.targets.provision import docker, swarm
from ci.targets.provision.machine import Machine, Prepared
from ci.targets.provision.swarm import Member

__all__ = ["Prepared", "provision"]


async def provision(hosts: Mapping[str, Host], access: Access, registry: str, ca: str) -> tuple[Prepared, ...]:
    """Make every host ready, and change none unless all can be reached.

    `hosts` are in order: the first manager begins the swarm where there is none. `ca` holds the certificates (PEM) of
    the registry's host; empty: every host knows them already.

    Raises:
        TargetError: A host cannot be reached, lacks something, or belongs to another swarm.
    """
    async with _machines(hosts, access) as machines:
        # None is left in the middle of an installation because another failed.
        results = await asyncio.gather(
            *(_docker(machine, registry, ca) for machine in machines), return_exceptions=True
        )
        for failure in filter(None, results):
            raise failure
        async with _members(machines) as members:
            await swarm.form_swarm(members)
    return tuple(step for machine in machines for step in machine.steps)


async def _docker(machine: Machine, registry: str, ca: str) -> None:
    await docker.install(machine)
    if ca:
        await docker.trust(machine, registry, ca)


@asynccontextmanager
async def _machines(hosts: Mapping[str, Host], access: Access) -> AsyncIterator[list[Machine]]:
    async with AsyncExitStack() as stack:
        yield [await stack.enter_async_context(Machine.connect(name, host, access)) for name, host in hosts.items()]


@asynccontextmanager
async def _members(machines: Sequence[Machine]) -> AsyncIterator[list[Member]]:
    async with AsyncExitStack() as stack:
        yield [Member(machine, await stack.enter_async_context(machine.daemon())) for machine in machines]
