"""The protocol between a delivery and a target: each method is one promise, tested on every kind of target."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal, Protocol

from pydantic import Field

from ci.analysis import Counters
from ci.escaping import Line
from ci.frozen import FrozenModel
from ci.targets.stack import Stack


class Lock(FrozenModel):
    """Who holds an environment, why, and until when."""

    holder: Line
    reason: Line
    since: datetime
    until: datetime
    token: str
    # Whether the holder renews the lock, as every run does; a person does not.
    heartbeat: bool = False

    def __str__(self) -> str:
        """Render the lock on one line."""
        since, until = f"{self.since:%Y-%m-%d %H:%M:%S}", f"{self.until:%Y-%m-%d %H:%M:%S}"
        return f"{self.holder} since {since} until {until} UTC: {self.reason}"


class LockState(FrozenModel):
    """A lock, and why it no longer counts; `expired` is empty while it counts."""

    lock: Lock
    expired: str = ""


class Intent(FrozenModel):
    """What a run is about to change; the next run finishes or undoes it after a kill."""

    # The release that users reach when the run begins; empty: none.
    current: str
    candidate: str
    since: str
    # Whether the run rolls back: the candidate was verified before, so the next run finishes the change.
    rollback: bool = False

    def __str__(self) -> str:
        """Render the intent on one line."""
        return f"{self.current or 'nothing'} → {self.candidate} since {self.since}"


class Check(FrozenModel):
    """One result of the preflight; the detail of a failed check names what to do."""

    name: str
    ok: bool
    detail: str


class ReleaseRef(FrozenModel):
    """A release by its name on the target; all empty: none."""

    release: str = ""
    version: str = ""
    # By digest: `repository@sha256:…`.
    image: str = ""

    @property
    def digest(self) -> str:
        """The image's digest alone; empty where there is none."""
        return self.image.partition("@")[2]


class ReleaseState(ReleaseRef):
    """A release that exists on the target."""

    role: Literal["current", "previous", "candidate"]
    replicas: int
    healthy: int
    # ISO 8601, UTC.
    created: str


class TargetState(FrozenModel):
    """What exists on the target."""

    address: str
    current: ReleaseRef = ReleaseRef()
    previous: ReleaseRef = ReleaseRef()
    # The release on which the last finished delivery ended, by name: recovery goes back to it.
    stable: str = ""
    # ISO 8601, UTC: when the current release became current.
    since: str = ""
    # The user of scripts/rollback.sh who made the release current; empty: a delivery did.
    by_hand: str = ""
    releases: tuple[ReleaseState, ...] = ()
    # The other services of the stack, by name: how many of their replicas run.
    services: Mapping[str, int] = Field(default_factory=dict)
    intent: Intent | None = None
    lock: LockState | None = None

    def find(self, release: str) -> ReleaseState | None:
        """Return a release by its name; None: it does not exist."""
        return next((found for found in self.releases if found.release == release), None)

    @property
    def is_healthy(self) -> bool:
        """Whether the edge runs and every replica of the current release is healthy."""
        found = self.find(self.current.release)
        return bool(found and found.healthy >= found.replicas and self.services.get("edge"))


@dataclass(frozen=True)
class Health:
    """Whether a release is healthy, and where it is not, why; and the replicas' last lines."""

    ok: bool
    reason: str = ""
    logs: str = ""


class ReleaseDescription(FrozenModel):
    """What makes a release, beside the settings."""

    # By digest: `repository@sha256:…`.
    image: str
    version: str
    # The service's features; None: those of the environment's settings.
    features: tuple[str, ...] | Literal["all"] | None = None


@dataclass(frozen=True)
class Candidate:
    """A release that can be started; `exists`: it is on the target already."""

    release: str
    exists: bool


class TestRun(FrozenModel):
    """A command in a helper container on the stack's network, which gets the release's address as BASE_URL."""

    # Not a test class, despite its name.
    __test__ = False

    image: str
    command: tuple[str, ...] = ()
    env: dict[str, str] = Field(default_factory=dict)
    # Seconds.
    timeout: float = 300


class TestResult(FrozenModel):
    """How a test run ended; `exit_code` is -1 after a time-out."""

    __test__ = False

    status: Literal["passed", "failed", "timeout"]
    exit_code: int
    output: str
    seconds: float


@dataclass(frozen=True)
class Metrics:
    """The edge's request counters since it started, and the replicas of the current release that ended."""

    counters: Counters
    ended: frozenset[str] = field(default_factory=frozenset)


@dataclass(frozen=True)
class Retired:
    """The release that is kept (empty: none) and those that were removed."""

    kept: str
    removed: tuple[str, ...]


class SecretVersion(FrozenModel):
    """One value of a secret, by its number."""

    version: int
    # ISO 8601, UTC.
    since: str
    # The releases that read it.
    releases: tuple[str, ...] = ()


class SecretState(FrozenModel):
    """A secret of an environment; never its value."""

    name: str
    # Whether the settings name it: releases get only what the settings name.
    declared: bool
    # The newest last; none: it was never set, and preflight refuses a delivery.
    versions: tuple[SecretVersion, ...] = ()

    @property
    def is_missing(self) -> bool:
        """Whether releases would read it, and it was never set."""
        return self.declared and not self.versions


class Target(Protocol):
    """One environment's stack on a target.

    Every method raises UnreachableError when the target does not answer, and another TargetError when it refuses.
    """

    @property
    def stack(self) -> Stack:
        """The environment that this target holds."""

    # Lock

    async def acquire_lock(self, lock: Lock) -> str:
        """Acquire the lock, also from a holder whose lock expired; returns the earlier holder, or an empty text.

        Raises:
            LockedError: Another run holds the lock.
            LockedByPersonError: A person holds the lock.
        """

    async def renew_lock(self, token: str) -> None:
        """Renew the lock, before it expires.

        Raises:
            LockedError: The lock is no longer this holder's.
        """

    async def release_lock(self, token: str = "", *, force: bool = False) -> Lock | None:
        """Release the lock and return it; None: there was none. Without a token, every holder's lock is released.

        Raises:
            LockedError: The lock is not this token's, or a live run holds it and `force` is false.
        """

    # Intent

    async def write_intent(self, intent: Intent) -> None:
        """Store the intent, in place of an earlier one."""

    async def clear_intent(self) -> None:
        """Remove the intent; nothing happens where there is none."""

    # Preflight

    async def check(self, image: str) -> tuple[Check, ...]:
        """Check whether a delivery of an image can work; changes nothing."""

    # Candidate

    async def prepare_candidate(self, wanted: ReleaseDescription) -> Candidate:
        """Make what every release needs (networks, database, edge) and name the release; starts no release."""

    async def start_release(self, wanted: ReleaseDescription) -> Health:
        """Start a release beside the current one and wait until it is healthy; users do not reach it yet."""

    async def check_health(self, release: str) -> Health:
        """Check whether every replica of a release is healthy; a missing release is unhealthy."""

    async def remove_release(self, release: str) -> None:
        """Remove a release; nothing happens where it does not exist."""

    async def examine_release(self, release: str) -> Health:
        """Say at once what is seen of a release's replicas: how they ended, what they answer, their last lines."""

    async def keep_release(self, release: str, seconds: float) -> None:
        """Keep a release that no role keeps: for so long, retirement leaves it; nothing happens where there is none."""

    # Tests

    async def run_tests(self, run: TestRun, release: str = "") -> TestResult:
        """Run tests against a release; empty: against the edge."""

    def shell_beside(self, release: str, image: str) -> str:
        """Return the command that opens a shell in a test image on a release's network."""

    # Route

    async def route(self, release: str) -> None:
        """Route all users to a release, one atomic step; empty: to none."""

    async def read_routes(self) -> frozenset[str]:
        """Return the releases that the edge routes to; more than one only while replicas of the edge disagree."""

    async def record_routing(self, *, current: str, previous: str, stable: str) -> None:
        """Store the current release (since now, where it changes), the previous one, and the stable one."""

    async def probe(self, release: str) -> str:
        """Send requests through the edge as a user does; returns the problem, or an empty text."""

    # Metrics

    async def read_metrics(self) -> Metrics:
        """Read the edge's counters."""

    async def send_traffic(self, seconds: float) -> int:
        """Send requests through the edge for some seconds, at the settings' rate, and return how many."""

    # Retire

    async def retire(self) -> Retired:
        """Remove every release but the current, the previous while `keep_previous` lasts, and those that are kept."""

    # State

    async def read_state(self) -> TargetState:
        """Describe what exists; changes nothing."""

    # Secrets

    async def set_secret(self, name: str, value: bytes) -> int:
        """Give a secret a new value, which releases read from the next delivery on, and return its number."""

    async def list_secrets(self) -> tuple[SecretState, ...]:
        """List the secrets that exist or that the settings name."""
