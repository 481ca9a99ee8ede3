"""The API's Service, in its three kinds: a container, ports of the host, and a tunnel to the host."""

import asyncio
import contextlib
import dataclasses
from dataclasses import dataclass
from typing import Any, ClassVar, Self

from slipway_engine.api.base import Object
from slipway_engine.api.context import Context
from slipway_engine.errors import EngineError
from slipway_engine.model import service as model
from slipway_engine.model.container import Port
from slipway_engine.model.service import Forward


@dataclass(frozen=True)
class Service(Object, model.Service):
    """Something that listens; there are three kinds."""

    graphql_type: ClassVar[str] = "Service"

    def ports(self, _: Context) -> list[Port]:
        """List the ports."""
        raise NotImplementedError

    async def start(self, ctx: Context) -> str:
        """Start the service, and wait until its ports answer."""
        await ctx.engine.services.start(self)
        return self.id(ctx)

    async def stop(self, ctx: Context, kill: bool = False) -> str:
        """Stop the service."""
        await ctx.engine.services.stop(self, kill=kill)
        return self.id(ctx)

    async def sync(self, ctx: Context) -> str:
        """Start the service."""
        return await self.start(ctx)

    async def hostname(self, ctx: Context) -> str:
        """Return a name by which steps and functions reach the service: here, the address."""
        return (await ctx.engine.services.start(self)).address

    async def endpoint(self, ctx: Context, port: int | None = None, scheme: str = "") -> str:
        """Return the address: `host:port`, or a URL with a scheme."""
        running = await ctx.engine.services.start(self)
        chosen = port or next((p.port for p in self.ports(ctx)), None)
        if chosen is None:
            raise EngineError("no ports exposed: expose one with withExposedPort, or name it")
        address = f"{running.address}:{running.ports.get(chosen, chosen)}"
        return f"{scheme}://{address}" if scheme else address

    async def up(self, ctx: Context, ports: list[dict[str, Any]] | None = None, random: bool = False) -> None:
        """Forward the ports to the host until the command is interrupted."""
        forwards = Forward.all(ports) or tuple(Forward(p.port, p.port, p.protocol) for p in self.ports(ctx))
        if random:
            forwards = tuple(dataclasses.replace(forward, frontend=0) for forward in forwards)
        async with contextlib.AsyncExitStack() as stack:
            await ctx.engine.services.forward(self, forwards, stack)
            await asyncio.Event().wait()


@dataclass(frozen=True)
class ContainerService(Service, model.ContainerService):
    """A container that runs beside the steps that need it."""

    async def hostname(self, ctx: Context) -> str:
        """Return the service's own name, which every step knows while it runs, or the address."""
        return self.name or await super().hostname(ctx)

    def ports(self, _: Context) -> list[Port]:
        """List the ports."""
        return list(self.container.ports)

    def with_hostname(self, _: Context, hostname: str) -> Self:
        """Set a name that every step knows while the service runs."""
        return dataclasses.replace(self, name=hostname)


@dataclass(frozen=True)
class HostService(Service, model.HostService):
    """Ports of the host, for steps and functions."""

    def ports(self, _: Context) -> list[Port]:
        """List the ports."""
        return [Port(forward.front, forward.protocol) for forward in self.forwards]


@dataclass(frozen=True)
class Tunnel(Service, model.Tunnel):
    """A service's ports on the host."""

    def ports(self, _: Context) -> list[Port]:
        """List the ports, by the numbers they have in the service."""
        return [Port(forward.backend, forward.protocol) for forward in self.forwards]
