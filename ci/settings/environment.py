"""One environment: everything that differs between dev, acceptance and production is data here."""

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field, model_validator

from ci.frozen import FrozenModel
from ci.settings.guards import Approvals, Freeze, SecretName
from ci.settings.hosts import SSH, Host
from ci.settings.kinds import Kind, with_defaults
from ci.settings.people import Role
from ci.settings.values import Memory, Name, Port, Seconds, Url, size_in_bytes


def _checked_address(address: str) -> str:
    if address != "unix" and not SSH.match(address):
        raise ValueError("must be unix or ssh://user@host, with :port and /path/to/docker.sock where they differ")
    return address


class Target(FrozenModel):
    """Where the environment lives."""

    address: Annotated[str, AfterValidator(_checked_address)] = "unix"
    # Lines of a known_hosts file; a host whose key is not among them is refused.
    known_hosts: str = ""

    @model_validator(mode="after")
    def _knows_its_host(self) -> "Target":
        if self.is_ssh and not self.known_hosts.strip():
            raise ValueError("known_hosts must hold the host's key when address is ssh:// (see ssh-keyscan)")
        return self

    @property
    def is_ssh(self) -> bool:
        """Tell whether it is reached over ssh."""
        return self.address.startswith("ssh://")


class Edge(FrozenModel):
    """The proxy in front of the service: the only port that is published."""

    port: Port = 8080
    # Where people reach it, when that is not this port on localhost.
    address: str = ""


class Resources(FrozenModel):
    """The limits of one replica."""

    cpus: Annotated[float, Field(gt=0)]
    memory: Memory
    # What a node must have free for a replica to be placed there.
    memory_reservation: Memory = "0B"
    pids: Annotated[int, Field(ge=16)]

    @property
    def memory_bytes(self) -> int:
        """The memory limit in bytes."""
        return size_in_bytes(self.memory)

    @property
    def reserved_bytes(self) -> int:
        """The memory reservation in bytes."""
        return size_in_bytes(self.memory_reservation)


class Update(FrozenModel):
    """How a release's replicas are started: how many at a time (0: all) and the pause between, in seconds."""

    parallelism: Annotated[int, Field(ge=0)]
    delay: Seconds


class Health(FrozenModel):
    """How long a release may take to get healthy, and how often a replica is asked, in seconds."""

    timeout: Annotated[float, Field(ge=5)]
    interval: Annotated[float, Field(ge=0.5)]


class Verify(FrozenModel):
    """How a release is watched after the switch; times in seconds unless the name says otherwise."""

    window: Annotated[float, Field(ge=1)]
    interval: Annotated[float, Field(ge=0.2)]
    max_error_rate: Annotated[float, Field(ge=0, le=1)]
    max_p95_ms: Annotated[float, Field(gt=0)]
    min_requests: Annotated[int, Field(ge=1)]
    # Requests a second that the pipeline sends itself where users send too few for a verdict; 0: never.
    traffic: Annotated[float, Field(ge=0, le=100)] = 10


class Environment(FrozenModel):
    """`[environments.NAME]`."""

    kind: Kind
    target: Target = Target()
    # The machines that `provision` makes ready, the first manager first; empty: somebody else does.
    hosts: dict[Name, Host] = Field(default_factory=dict)
    edge: Edge = Edge()
    replicas: Annotated[int, Field(ge=1)]
    resources: Resources
    update: Update
    log_level: Literal["debug", "minimal", "off"]
    features: tuple[str, ...] | Literal["all"]
    monitoring: Literal["off", "basic", "full"]
    data: Literal["synthetic", "anonymized", "real"]
    proof: Literal["integration", "smoke"]
    health: Health
    verify: Verify
    # How long a replica may take to end the requests it has, in seconds, before it is killed.
    stop_grace: Seconds = 15
    # How long the release before is kept running after a switch, in seconds, so that going back starts nothing.
    keep_previous: Seconds
    # Whether only signed records count, and only somebody who signs may change it.
    signed: bool
    # The roles that may deploy and roll back; none: anybody.
    deployers: tuple[Role, ...] = ()
    # The roles that may deploy in spite of a freeze; none: nobody.
    overriders: tuple[Role, ...] = ()
    approvals: Approvals
    freezes: tuple[Freeze, ...] = ()
    # Where deploys are told of: addresses that take a POST of `{"text": …}`, as chats do.
    tell: tuple[Url, ...] = ()
    # Files in the service's container whose contents are kept in the target alone.
    secrets: tuple[SecretName, ...] = ()

    @model_validator(mode="before")
    @classmethod
    def _over_its_kind(cls, table: Any) -> Any:  # noqa: ANN401 - whatever the file holds there
        return with_defaults(table) if isinstance(table, Mapping) else table

    @property
    def address(self) -> str:
        """Where people reach the service."""
        return self.edge.address or f"http://localhost:{self.edge.port}"

    @property
    def feature_list(self) -> str:
        """The features as the service's FEATURES variable takes them: `all`, or names with commas between."""
        return self.features if isinstance(self.features, str) else ",".join(self.features)
