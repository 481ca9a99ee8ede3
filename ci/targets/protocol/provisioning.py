"""Hosts to be made ready for an environment, and what was done on them."""

from collections.abc import Mapping
from ipaddress import ip_address
from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, model_validator

from ci.settings.environment import SSH
from ci.settings.values import Part
from ci.targets.protocol.messages import Message, Outcome, Request


def _checked_address(address: str) -> str:
    if not SSH.match(address) or urlsplit(address).path:
        raise ValueError("must be ssh://user@host, with :port where it is not 22")
    return address


def _checked_internal(address: str) -> str:
    if address and not _is_ip(address):
        raise ValueError("must be an IP address")
    return address


def _is_ip(address: str) -> bool:
    try:
        ip_address(address)
    except ValueError:
        return False
    return True


class Host(Part):
    """`[environments.X.hosts.NAME]`: one machine of the environment's swarm."""

    address: Annotated[str, AfterValidator(_checked_address)]
    # Lines of a known_hosts file; a host whose key is not among them is refused.
    known_hosts: str
    role: Literal["manager", "worker"] = "manager"
    # Set on the node; others that it has are left alone.
    labels: Mapping[str, str] = Field(default_factory=dict)
    # The IP address by which the hosts reach each other, where it is not the one in `address`.
    internal: Annotated[str, AfterValidator(_checked_internal)] = ""

    @property
    def advertised(self) -> str:
        """The IP address that the other hosts are told; empty: Docker finds it, where the host has only one."""
        host = urlsplit(self.address).hostname or ""
        return self.internal or (host if _is_ip(host) else "")


class Provision(Request):
    """Make hosts ready: Docker, the registry's CA, one swarm of all of them. What is there already is left alone."""

    phase: Literal["provision"] = "provision"
    # By the names that people know them by, the first manager first: it begins the swarm where there is none.
    hosts: dict[str, Host]
    # The certificates (PEM) that the registry's own is checked with; empty: those that every host has.
    registry_ca: str = ""

    @model_validator(mode="after")
    def _has_a_manager(self) -> "Provision":
        if not any(host.role == "manager" for host in self.hosts.values()):
            raise ValueError("one of the hosts must have the role manager: nothing can lead the swarm")
        return self


class Prepared(Message):
    """One thing that was looked at on one host, and what was done about it."""

    host: str
    what: Literal["docker", "registry CA", "swarm", "role", "labels"]
    changed: bool
    message: str


class Provisioned(Outcome):
    """The hosts are ready."""

    outcome: Literal["provisioned"] = "provisioned"
    steps: tuple[Prepared, ...]

    @property
    def changed(self) -> tuple[Prepared, ...]:
        """What was not as it should be before."""
        return tuple(step for step in self.steps if step.changed)
