"""Services, described in three kinds: a container, ports of the host, and a tunnel to the host."""

from dataclasses import dataclass
from typing import Any

from slipway_engine.model.container import ContainerSpec
from slipway_engine.model.node import Node
from slipway_engine.model.step import Exec


@dataclass(frozen=True)
class Forward(Node):
    """One port made reachable as another: the API's input PortForward."""

    backend: int
    frontend: int | None = None
    protocol: str = "TCP"

    @property
    def front(self) -> int:
        """The port by which it is reached: the service's own unless another was asked for."""
        return self.backend if self.frontend is None else self.frontend

    @classmethod
    def all(cls, ports: list[dict[str, Any]] | None) -> tuple["Forward", ...]:
        """Read a list of the API's inputs."""
        return tuple(cls(p["backend"], p.get("frontend"), p.get("protocol", "TCP")) for p in ports or ())


@dataclass(frozen=True)
class Service(Node):
    """Something that listens."""


@dataclass(frozen=True)
class ContainerService(Service):
    """A container that runs beside the steps that need it; every step knows its `name`, where it has one."""

    container: ContainerSpec
    command: tuple[str, ...]
    insecure: bool = False
    name: str = ""

    def step(self) -> Exec:
        """Return what it runs."""
        return self.container.exec(self.command, insecure=self.insecure)


@dataclass(frozen=True)
class HostService(Service):
    """Ports of the host, for steps and functions."""

    forwards: tuple[Forward, ...]
    host: str = "localhost"


@dataclass(frozen=True)
class Tunnel(Service):
    """A service's ports on the host."""

    service: Service
    forwards: tuple[Forward, ...]
