"""The API's Port, and the wish to forward one."""

from dataclasses import dataclass
from typing import Any

from slipway_engine.api.base import Object


@dataclass(frozen=True)
class Port(Object):
    """A port that a container listens on."""

    port: int
    protocol: str = "TCP"
    description: str | None = None
    experimental_skip_healthcheck: bool = False


@dataclass(frozen=True)
class Forward(Object):
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
