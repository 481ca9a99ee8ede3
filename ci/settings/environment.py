"""`[environments.NAME]`: everything that differs between dev, acceptance and production."""

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field, model_validator

from ci.frozen import FrozenModel
from ci.settings.approvals import Approvals
from ci.settings.defaults import Kind, add_defaults
from ci.settings.freeze_windows import FreezeWindow
from ci.settings.hosts import SSH, Host
from ci.settings.people import Role
from ci.settings.values import Memory, Name, Port, Seconds, SecretName, Url, size_in_bytes


def _checked_address(address: str) -> str:
    if address != "unix" and not SSH.match(address):
        raise ValueError("must be unix or ssh://user@host, with :port and /path/to/docker.sock where they differ")
    return address


class Target(FrozenModel):
    """The target that holds the environment."""

    address: Annotated[str, AfterValidator(_checked_address)] = "unix"
    # Lines of a known_hosts file; a host with another key is refused.
    known_hosts: str = ""

    @model_validator(mode="after")
    def _check_known_hosts(self) -> "Target":
        if self.is_ssh and not self.known_hosts.strip():
            raise ValueError("known_hosts must hold the host's key when address is ssh:// (see ssh-keyscan)")
        return self

    @property
    def is_ssh(self) -> bool:
        """Whether the pipeline reaches the target over ssh."""
        return self.address.startswith("ssh://")


class Edge(FrozenModel):
    """The proxy in front of the service, with the only published port."""

    port: Port = 8080
    # The public address, where it is not this port on localhost.
    address: str = ""


class Resources(FrozenModel):
    """The limits of one replica."""

    cpus: Annotated[float, Field(gt=0)]
    memory: Memory
    # The free memory that a node must have for a replica.
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
    """How long a release may take to get healthy, and how often a replica is checked, in seconds."""

    timeout: Annotated[float, Field(ge=5)]
    interval: Annotated[float, Field(ge=0.5)]


class Verify(FrozenModel):
    """How metrics are judged after the switch; times in seconds unless the name has another unit."""

    window: Annotated[float, Field(ge=1)]
    interval: Annotated[float, Field(ge=0.2)]
    max_error_rate: Annotated[float, Field(ge=0, le=1)]
    max_p95_ms: Annotated[float, Field(gt=0)]
    min_requests: Annotated[int, Field(ge=1)]
    # Requests per second that the pipeline sends where users send too few for a verdict; 0: none.
    traffic: Annotated[float, Field(ge=0, le=100)] = 10


class Environment(FrozenModel):
    """`[environments.NAME]`."""

    kind: Kind
    target: Target = Target()
    # The machines that `provision` prepares, the first manager first; empty: prepared elsewhere.
    hosts: dict[Name, Host] = Field(default_factory=dict)
    edge: Edge = Edge()
    replicas: Annotated[int, Field(ge=1)]
    resources: Resources
    update: Update
    log_level: Literal["debug", "minimal", "off"]
    features: tuple[str, ...] | Literal["all"]
    monitoring: Literal["off", "basic", "full"]
    data: Literal["synthetic", "anonymized", "real"]
    # Which of the service's tests run against a candidate.
    tests: Literal["integration", "smoke"]
    health: Health
    verify: Verify
    # How long a replica may take to end its requests, in seconds, before it is killed.
    stop_grace: Seconds = 15
    # How long the previous release keeps running after a switch, in seconds: a rollback to it starts nothing.
    keep_previous: Seconds
    # Whether only signed records count, and only an actor who signs may deploy.
    signed: bool
    # The roles that may deploy and roll back; empty: everybody.
    deployers: tuple[Role, ...] = ()
    # The roles that may deploy in a freeze window; empty: none.
    overriders: tuple[Role, ...] = ()
    approvals: Approvals
    freezes: tuple[FreezeWindow, ...] = ()
    # Webhooks that get a POST of `{"text": …}` when a delivery ends, as chats take them.
    notify: tuple[Url, ...] = ()
    # Files in the service's container; only the target keeps their contents.
    secrets: tuple[SecretName, ...] = ()

    @model_validator(mode="before")
    @classmethod
    def _add_defaults(cls, table: Any) -> Any:  # noqa: ANN401 - whatever the file holds there
        return add_defaults(table) if isinstance(table, Mapping) else table

    @property
    def address(self) -> str:
        """The address of the service."""
        return self.edge.address or f"http://localhost:{self.edge.port}"

    @property
    def feature_list(self) -> str:
        """The features in the format of the service's FEATURES variable: `all`, or names separated by commas."""
        return self.features if isinstance(self.features, str) else ",".join(self.features)
