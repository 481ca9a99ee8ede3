"""`[environments.NAME]`: everything that differs between dev, acceptance and production."""

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field, model_validator

from ci.frozen import FrozenModel
from ci.settings.approvals import Approvals
from ci.settings.defaults import Kind, add_defaults
from ci.settings.freeze_windows import FreezeWindow
from ci.settings.hosts import Host, is_ssh
from ci.settings.people import Role
from ci.settings.values import (
    DAY,
    Feature,
    Memory,
    Name,
    Port,
    Reservation,
    Seconds,
    SecretName,
    Url,
    checked_log_size,
    size_in_bytes,
)

# Ports that an edge cannot have, and what has them.
RESERVED_PORTS = {2019: "the edge's own administration", 2377: "Docker Swarm", 7946: "Docker Swarm"}


def _checked_address(address: str) -> str:
    if address != "unix" and not is_ssh(address):
        raise ValueError("must be unix or ssh://user@host, with :port and /path/to/docker.sock where they differ")
    return address


class Target(FrozenModel):
    """The target that holds the environment."""

    address: Annotated[str, AfterValidator(_checked_address)] = "unix"
    """`unix`, the Docker socket of this machine, or `ssh://user@host[:port]`."""
    known_hosts: str = ""
    """Lines of a known_hosts file for an `ssh://` address; a host with another key is refused."""

    @model_validator(mode="after")
    def _check_known_hosts(self) -> "Target":
        if self.is_ssh and not self.known_hosts.strip():
            raise ValueError("known_hosts must hold the host's key when address is ssh:// (see ssh-keyscan)")
        return self

    @property
    def is_ssh(self) -> bool:
        """Whether the pipeline reaches the target over ssh."""
        return self.address.startswith("ssh://")


def _checked_port(port: int) -> int:
    if port in RESERVED_PORTS:
        raise ValueError(f"must be another port: {RESERVED_PORTS[port]} has this one")
    return port


class Edge(FrozenModel):
    """The proxy in front of the service, with the only published port."""

    port: Annotated[Port, AfterValidator(_checked_port)] = 8080
    """The published port."""
    address: Url | Literal[""] = ""
    """The address that people use; empty: this port on localhost."""


class Resources(FrozenModel):
    """The limits of one replica."""

    cpus: Annotated[float, Field(ge=0.01, le=1024, allow_inf_nan=False)]
    """The limit of processors of one replica."""
    memory: Memory
    """The limit of memory of one replica."""
    memory_reservation: Reservation = "0B"
    """The free memory that a node must have for a replica."""
    pids: Annotated[int, Field(ge=16, le=4_194_304)]
    """The limit of processes of one replica."""

    @model_validator(mode="after")
    def _check_reservation(self) -> "Resources":
        if self.reserved_bytes > self.memory_bytes:
            raise ValueError(f"memory_reservation must be at most the limit, memory (is {self.memory_reservation})")
        return self

    @property
    def memory_bytes(self) -> int:
        """The memory limit in bytes."""
        return size_in_bytes(self.memory)

    @property
    def reserved_bytes(self) -> int:
        """The memory reservation in bytes."""
        return size_in_bytes(self.memory_reservation)


class Logs(FrozenModel):
    """How much of each container's output its node keeps: without a limit, the output fills the node's disk."""

    max_size: Annotated[str, AfterValidator(checked_log_size)] = "10MiB"
    """The size of a container's log at which its node begins a new file."""
    max_file: Annotated[int, Field(ge=0, le=100)] = 3
    """How many files of a container's log its node keeps; 0: what its own Docker is set to."""


class Update(FrozenModel):
    """How a release's replicas are started: how many at a time (0: all) and the pause between, in seconds."""

    parallelism: Annotated[int, Field(ge=0, le=1000)]
    """How many replicas of a release start at a time; 0: all."""
    delay: Seconds
    """The pause between them, in seconds."""


class Health(FrozenModel):
    """How long a release may take to get healthy, and how often each edge asks a replica, in seconds."""

    timeout: Annotated[float, Field(ge=5, le=DAY, allow_inf_nan=False)]
    """How long a release may take to get healthy, in seconds."""
    interval: Annotated[float, Field(ge=0.5, le=DAY, allow_inf_nan=False)]
    """The time between two readiness checks of a replica by an edge, in seconds."""


class Verify(FrozenModel):
    """How metrics are judged after the switch; times in seconds unless the name has another unit."""

    window: Annotated[float, Field(ge=1, le=DAY, allow_inf_nan=False)]
    """The length of the verify window, in seconds."""
    interval: Annotated[float, Field(ge=0.2, le=DAY, allow_inf_nan=False)]
    """The time between two looks at the metrics, in seconds."""
    max_error_rate: Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)]
    """The highest share of failed requests, 0 to 1."""
    max_p95_ms: Annotated[float, Field(gt=0, le=1000 * DAY, allow_inf_nan=False)]
    """The longest 95th percentile of the response times, in milliseconds."""
    min_requests: Annotated[int, Field(ge=1, le=10**9)]
    """The number of requests below which the verdict is `inconclusive`."""
    traffic: Annotated[float, Field(ge=0, le=100, allow_inf_nan=False)] = 10
    """Requests per second that the pipeline sends where users send too few for a verdict; 0: none."""


class Environment(FrozenModel):
    """`[environments.NAME]`."""

    kind: Kind
    """`dev`, `acceptance` or `production`: gives the other settings their defaults."""
    target: Target = Target()
    """Where the environment lives."""
    hosts: dict[Name, Host] = Field(default_factory=dict)
    """The machines that `provision` prepares, the first manager first; empty: prepared elsewhere."""
    edge: Edge = Edge()
    """The environment's router."""
    replicas: Annotated[int, Field(ge=1, le=1000)]
    """The number of replicas of a release."""
    resources: Resources
    """The limits of one replica."""
    logs: Logs = Logs()
    """How much of each container's output its node keeps."""
    update: Update
    """How a release's replicas start."""
    log_level: Literal["debug", "minimal", "off"]
    """The service's `LOG_LEVEL`: `debug`, `minimal` or `off`."""
    features: tuple[Feature, ...] | Literal["all"]
    """The service's `FEATURES`: `all`, or a list of names."""
    monitoring: Literal["off", "basic", "full"]
    """`off`, `basic` or `full`. Nothing reads this setting yet."""
    data: Literal["synthetic", "anonymized", "real"]
    """`synthetic`, `anonymized` or `real`. Nothing reads this setting yet."""
    tests: Literal["integration", "smoke"]
    """Which of the service's tests run against a candidate: `integration` or `smoke`."""
    health: Health
    """The health gate of a candidate."""
    verify: Verify
    """How metrics are judged after the switch."""
    stop_grace: Seconds = 15
    """How long a replica may take to end its requests before Docker kills the replica, in seconds."""
    keep_previous: Seconds
    """How long the previous release keeps running after a switch, in seconds: a rollback to it starts nothing."""
    signed: bool
    """Whether only signed records count, and only an actor who signs may deploy."""
    deployers: tuple[Role, ...] = ()
    """The roles that may deploy, roll back and restore; empty: everybody."""
    overriders: tuple[Role, ...] = ()
    """The roles that may deploy in a freeze window; empty: none."""
    approvals: Approvals
    """Who has to approve a release."""
    freezes: tuple[FreezeWindow, ...] = ()
    """The freeze windows."""
    notify: tuple[Url, ...] = ()
    """Webhooks that get a POST of JSON when a delivery ends."""
    secrets: tuple[SecretName, ...] = ()
    """The names of the service's secrets, files in its container; only the target keeps their values."""

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
