"""Hosts to be made ready for an environment, and what was done on them."""

from typing import Literal

from pydantic import model_validator

from ci.settings import Host
from ci.targets.protocol.messages import Message, Outcome, Request


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
