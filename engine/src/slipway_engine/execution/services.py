"""Services: containers that run beside the steps that need them, and the ways to and from the host's own ports."""

import asyncio
import contextlib
import ipaddress
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field

from slipway_engine.docker.client import Docker
from slipway_engine.docker.daemon import Daemon
from slipway_engine.errors import DockerError, ServiceError, UsageError
from slipway_engine.events import Events, Span
from slipway_engine.execution import tunnel
from slipway_engine.execution.output import Output, attach, command, title
from slipway_engine.execution.preparation import Preparer
from slipway_engine.execution.shares import MOST_SHARES
from slipway_engine.model.service import ContainerService, Forward, HostService, Service, Tunnel
from slipway_engine.model.step import Binding, Exec
from slipway_engine.store.mask import Mask
from slipway_engine.store.secrets import Secrets
from slipway_engine.trees.keys import Keys

STARTUP_SECONDS = 120.0  # how long a port may take to answer
STOP_SECONDS = 10  # what a service gets between SIGTERM and SIGKILL, as Docker's own default


@dataclass
class Running:
    """A service that answers."""

    address: str
    container: str
    stack: contextlib.AsyncExitStack
    ports: dict[int, int] = field(default_factory=dict)
    name: str = ""  # a host name that every step knows


class Services:
    """The services of one session; each runs once, however many steps use it."""

    def __init__(self, daemon: Daemon, keys: Keys, secrets: Secrets, events: Events, preparer: Preparer) -> None:
        """Start with none."""
        self._daemon, self._keys, self._secrets, self._events = daemon, keys, secrets, events
        self._preparer = preparer
        self._running: dict[str, Running] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    async def bind(self, bindings: Sequence[Binding]) -> list[str]:
        """Start what the bindings name and return their names for a container's /etc/hosts: `alias:address`."""
        running = await asyncio.gather(*(self.start(_service(binding)) for binding in bindings))
        bound = [f"{b.alias}:{r.address}" for b, r in zip(bindings, running, strict=True)]
        return bound + [f"{r.name}:{r.address}" for r in self._running.values() if r.name]

    async def start(self, service: Service) -> Running:
        """Start a service unless it runs, and wait until its ports answer.

        Raises ServiceError when it ends before, or does not answer in time.
        """
        key = self._keys.of(service)
        async with self._daemon.objects.once(f"service-{key}", shared=False):
            if key not in self._running:
                self._running[key] = await self._start(service)
            return self._running[key]

    async def _start(self, service: Service) -> Running:
        match service:
            case HostService():
                return await self._forward_from_host(service)
            case Tunnel():
                stack = contextlib.AsyncExitStack()
                ports = await self.forward(service.service, service.forwards, stack)
                return Running("127.0.0.1", "", stack, ports)
            case ContainerService():
                return await self._launch(service)
        raise TypeError(type(service).__name__)

    async def forward(
        self, service: Service, forwards: Sequence[Forward], stack: contextlib.AsyncExitStack
    ) -> dict[int, int]:
        """Make a service's ports the host's own while the stack is open; returns the host's port of each."""
        running, ports = await self.start(service), {}
        for forward in forwards:
            port = await stack.enter_async_context(
                tunnel.listen("127.0.0.1", forward.front, running.address, forward.backend)
            )
            ports[forward.backend] = port
            with self._events.span(f"tunnel localhost:{port}") as span:
                self._events.log(span, f"localhost:{port} is port {forward.backend} of the service")
        return ports

    async def stop(self, service: Service, *, kill: bool = False) -> None:
        """Stop a service; one that does not run is no error."""
        running = self._running.pop(self._keys.of(service), None)
        if running is None:
            return
        if running.container and not kill:
            with contextlib.suppress(DockerError):
                await self._daemon.docker.call("POST", f"containers/{running.container}/stop", t=STOP_SECONDS)
        await running.stack.aclose()

    async def close(self) -> None:
        """Remove all services."""
        await asyncio.gather(*(running.stack.aclose() for running in self._running.values()), return_exceptions=True)
        self._running.clear()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _launch(self, service: ContainerService) -> Running:
        docker, step = self._daemon.docker, service.step()
        stack = contextlib.AsyncExitStack()
        with self._events.span(f"service {command(step)}", prepares=True) as span:
            try:
                # A service works only when others wait for it.
                preparing = self._preparer.prepare(step, self.bind, lambda: MOST_SHARES, init=True)
                ready = await stack.enter_async_context(preparing)
                span.begin()
                frames = await stack.enter_async_context(attach(docker, ready.container))
                await docker.start(ready.container)
                output = self._watch(frames, span, await self._secrets.mask_captured(step.held_secrets))
                address = await _address(docker, ready.container)
                await self._wait_for_ports(service, ready.container, address, output)
            except BaseException:
                await stack.aclose()
                raise
        return Running(address, ready.container, stack, name=service.name)

    def _watch(self, frames: AsyncIterator[tuple[int, bytes]], span: Span, mask: Mask) -> Output:
        output = Output(self._events, span, mask)
        task = asyncio.create_task(_read(output, frames))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return output

    async def _wait_for_ports(self, service: ContainerService, container: str, address: str, output: Output) -> None:
        deadline = asyncio.get_running_loop().time() + STARTUP_SECONDS
        waiting = [
            port.port
            for port in service.container.ports
            if port.protocol == "TCP" and not port.experimental_skip_healthcheck
        ]
        while waiting:
            if await _answers(address, waiting[0]):
                waiting.pop(0)
                continue
            state = (await self._daemon.docker.inspect(container))["State"]
            if not state["Running"]:
                raise ServiceError(self._exit_message(service.step(), state["ExitCode"], output))
            if asyncio.get_running_loop().time() > deadline:
                name = title(service.step(), self._secrets)
                raise ServiceError(f"{name}: port {waiting[0]} did not answer within {STARTUP_SECONDS:.0f} seconds")
            await asyncio.sleep(0.05)

    def _exit_message(self, step: Exec, code: int, output: Output) -> str:
        tail = "\n".join(self._secrets.shown(output.text("combined")).splitlines()[-20:])
        return f"service {title(step, self._secrets)}: exited with {code} before its ports answered\n{tail}".rstrip()

    async def _forward_from_host(self, service: HostService) -> Running:
        """Give ports of the host an address that containers reach: this machine's, if free there."""
        stack, gateway = contextlib.AsyncExitStack(), await _gateway(self._daemon.docker)
        try:
            for forward in service.forwards:
                await stack.enter_async_context(tunnel.listen(gateway, forward.front, service.host, forward.backend))
        except UsageError:
            await stack.aclose()
            return await self._forward_by_container(service, gateway)
        return Running(gateway, "", stack, {forward.front: forward.front for forward in service.forwards})

    async def _forward_by_container(self, service: HostService, gateway: str) -> Running:
        """Give ports of the host an address of their own: a small container's, which passes connections on."""
        docker = self._daemon.docker
        stack = contextlib.AsyncExitStack()
        commands, ports = [], {}
        for forward in service.forwards:
            local = await stack.enter_async_context(tunnel.listen(gateway, 0, service.host, forward.backend))
            ports[forward.front] = forward.front
            commands.append(f"nc -ll -p {forward.front} -e nc {gateway} {local} &")
        config = {
            "Image": await self._daemon.images.busybox(),
            "Entrypoint": ["/bin/busybox", "sh", "-c"],
            "Cmd": [" ".join([*commands, "wait"])],
            "StopSignal": "SIGKILL",
        }
        container = await stack.enter_async_context(self._daemon.objects.container(config))
        await docker.start(container)
        address = await _address(docker, container)
        for port in ports:
            for _ in range(200):
                if await _answers(address, port):
                    break
                await asyncio.sleep(0.01)
        return Running(address, container, stack, ports)


def _service(binding: Binding) -> Service:
    if not isinstance(binding.service, Service):
        raise TypeError(f"{binding.alias}: {type(binding.service).__name__} is no service")
    return binding.service


async def _address(docker: Docker, container: str) -> str:
    """Return a running container's address on Docker's bridge."""
    networks = (await docker.inspect(container))["NetworkSettings"]["Networks"]
    return str(next(iter(networks.values()))["IPAddress"])


async def _gateway(docker: Docker) -> str:
    """Return the address by which containers reach this machine."""
    network = (await docker.call("GET", "networks/bridge"))["IPAM"]["Config"][0]
    # Docker leaves the gateway out where it is the subnet's first address.
    first = next(ipaddress.ip_network(network["Subnet"]).hosts())
    return str(network.get("Gateway") or first)


async def _read(output: Output, frames: AsyncIterator[tuple[int, bytes]]) -> None:
    await output.read(frames)
    output.finish()


async def _answers(address: str, port: int) -> bool:
    try:
        async with asyncio.timeout(1):
            _, writer = await asyncio.open_connection(address, port)
    except (OSError, TimeoutError):
        return False
    writer.close()
    with contextlib.suppress(OSError):
        await writer.wait_closed()
    return True
