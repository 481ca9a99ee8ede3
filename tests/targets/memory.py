"""A target in memory: implements ci.targets.target.Target as Swarm does, on virtual time, without a daemon.

A `MemoryStack` is what lies on the target; each run connects with a `MemoryTarget` of its own. What Swarm promises and
this target must promise too is tested in tests/targets/contract.
"""

import asyncio
import hashlib
import math
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Literal

from ci.analysis import Counters
from ci.settings.values import file_name
from ci.targets.errors import DaemonError, LockedByPersonError, LockedError, NotFoundError, NotReadyError
from ci.targets.stack import Stack
from ci.targets.target import (
    Candidate,
    Check,
    Health,
    Intent,
    Lock,
    LockState,
    Metrics,
    ReleaseDescription,
    ReleaseRef,
    ReleaseState,
    Retired,
    SecretState,
    SecretVersion,
    TargetState,
    TestResult,
    TestRun,
)

# As on Swarm: a run that renewed its lock this long ago is dead.
SILENCE = timedelta(seconds=10)
# Seconds that a running release may take to be found healthy.
RUNNING = 5.0
# Seconds that a replica takes to start, and between two looks at its health.
START, POLL = 2.0, 1.0
# The largest secret, in bytes.
LARGEST = 500_000
LONG_AGO = datetime(2000, 1, 1, tzinfo=UTC)
BUCKETS = (0.1, 0.5, 1.0, 2.5, math.inf)
Role = Literal["current", "previous", "candidate"]
# What surrounds each call, by its name: a run's own connection takes time, breaks, and dies.
Call = Callable[[str], AbstractAsyncContextManager[None]]


LONG_AGO = datetime.min.replace(tzinfo=UTC)


@dataclass(frozen=True)
class Behaviour:
    """How releases of an image, or test runs of a test image, behave."""

    # Whether the registry has the image.
    exists: bool = True
    # The seconds after its start in which a release is healthy.
    healthy_from: float = START
    healthy_until: float = math.inf
    # Whether its replicas end by themselves again and again.
    crashes: bool = False
    # The share of requests that fail, the share that the edge counts, and the seconds that each takes.
    errors: float = 0.0
    counted: float = 1.0
    latency: float = 0.02
    # Of a test image: the exit code of its tests, and the seconds that they take.
    exit_code: int = 0
    duration: float = 3.0


@dataclass
class Release:
    """A release that exists; `started` by the wall clock."""

    name: str
    image: str
    version: str
    replicas: int
    behaviour: Behaviour
    started: datetime
    # The numbers of the secrets' values that it reads.
    secrets: Mapping[str, int]
    # Until when retirement leaves the release, though no role keeps it.
    kept_until: datetime = LONG_AGO

    @property
    def healthy(self) -> int:
        """The number of healthy replicas."""
        age = (datetime.now(UTC) - self.started).total_seconds()
        is_healthy = self.behaviour.healthy_from <= age < self.behaviour.healthy_until and not self.behaviour.crashes
        return self.replicas if is_healthy else 0

    @property
    def ended(self) -> frozenset[str]:
        """The replicas that ended by themselves."""
        age = (datetime.now(UTC) - self.started).total_seconds()
        is_over = age >= self.behaviour.healthy_until or self.behaviour.crashes
        return frozenset(f"{self.name}.{number}" for number in range(self.replicas) if is_over)


@dataclass
class MemoryStack:
    """One environment's stack in memory."""

    stack: Stack
    # By image; an image that is not named here is healthy, answers, and passes its tests.
    behaviours: dict[str, Behaviour] = field(default_factory=dict)
    releases: dict[str, Release] = field(default_factory=dict)
    # The release that the edge routes to (empty: to none); None: there is no edge yet.
    routed: str | None = None
    current: str = ""
    previous: str = ""
    stable: str = ""
    since: str = ""
    intent: Intent | None = None
    lock: Lock | None = None
    renewed: datetime = LONG_AGO
    # The numbers and times of each secret's values, the newest last.
    secrets: dict[str, list[tuple[int, str]]] = field(default_factory=dict)
    counters: Counters = field(default_factory=Counters)
    _counted: datetime | None = None
    # Until when the pipeline sends requests.
    _sending: datetime = LONG_AGO

    def behaviour(self, image: str) -> Behaviour:
        """Return how an image behaves."""
        return self.behaviours.get(image, Behaviour())

    def read_lock(self) -> LockState | None:
        """Return the lock, and whether its time is over."""
        lock, now = self.lock, datetime.now(UTC)
        if lock is None:
            return None
        if lock.heartbeat and now - self.renewed > SILENCE:
            silent = (now - self.renewed).total_seconds()
            return LockState(lock=lock, expired=f"no sign of life for {silent:.0f} s")
        return LockState(lock=lock, expired="" if lock.until > now else "its time was over")

    def route(self, release: str) -> None:
        """Route all users to a release."""
        self.count()
        self.routed = release

    def send(self, seconds: float) -> None:
        """Let the pipeline send requests for some seconds."""
        self.count()
        self._sending = max(self._sending, datetime.now(UTC) + timedelta(seconds=seconds))

    def count(self) -> None:
        """Bring the edge's counters up to date."""
        now = datetime.now(UTC)
        since, self._counted = self._counted or now, now
        seconds = max(0.0, (min(now, self._sending) - since).total_seconds())
        found = self.releases.get(self.routed or "")
        behaviour = found.behaviour if found else Behaviour(errors=1)
        requests = round(seconds * self.stack.environment.verify.traffic * behaviour.counted)
        errors = round(requests * (behaviour.errors if found and found.healthy else 1))
        buckets = {bound: requests if bound >= behaviour.latency else 0 for bound in BUCKETS}
        self.counters = self.counters.plus(Counters(requests, errors, buckets))


@asynccontextmanager
async def answer_at_once(name: str) -> AsyncIterator[None]:  # noqa: ARG001 - other connections break at a name
    """Surround a call with nothing."""
    await asyncio.sleep(0)
    yield


class MemoryTarget:
    """One run's connection to a stack in memory; implements ci.targets.target.Target."""

    def __init__(self, memory: MemoryStack, call: Call = answer_at_once) -> None:
        """Connect; `call` surrounds each call."""
        self.memory, self._call = memory, call

    @property
    def stack(self) -> Stack:
        """The environment that this target holds."""
        return self.memory.stack

    # Lock

    async def acquire_lock(self, lock: Lock) -> str:
        """Take the lock; see Target."""
        async with self._call("acquire_lock"):
            held = self.memory.read_lock()
            if held and not held.expired:
                kind = LockedError if held.lock.heartbeat else LockedByPersonError
                raise kind(f"{self.stack.namespace} is locked by {held.lock}")
            self.memory.lock, self.memory.renewed = lock, datetime.now(UTC)
            return f"{held.lock} ({held.expired})" if held else ""

    async def renew_lock(self, token: str) -> None:
        """Give a sign of life; see Target."""
        async with self._call("renew_lock"):
            if self.memory.lock is None or self.memory.lock.token != token:
                raise LockedError(f"{self.stack.namespace}: another run took over the lock: this run stopped")
            self.memory.renewed = datetime.now(UTC)

    async def release_lock(self, token: str = "", *, force: bool = False) -> Lock | None:
        """Open the lock; see Target."""
        async with self._call("release_lock"):
            held = self.memory.read_lock()
            if held is None:
                return None
            if token and token != held.lock.token:
                raise LockedError(f"{self.stack.namespace}: the lock is no longer this run's: {held.lock}")
            if held.lock.heartbeat and not (held.expired or token or force):
                raise LockedError(f"{self.stack.namespace}: a run is at work right now: {held.lock}")
            self.memory.lock = None
            return held.lock

    # Intent

    async def write_intent(self, intent: Intent) -> None:
        """Write the intent down; see Target."""
        async with self._call("write_intent"):
            self.memory.intent = intent

    async def clear_intent(self) -> None:
        """Forget the intent; see Target."""
        async with self._call("clear_intent"):
            self.memory.intent = None

    # Preflight

    async def check(self, image: str) -> tuple[Check, ...]:
        """Look whether a delivery can work; see Target."""
        async with self._call("check"):
            missing = self._missing_secrets()
            exists = self.memory.behaviour(image).exists
            return (
                Check(name="secrets", ok=not missing, detail=self._advice(missing) if missing else "all are set"),
                Check(name="image", ok=exists, detail=f"{image} {'can' if exists else 'cannot'} be pulled"),
            )

    # Candidate

    async def prepare_candidate(self, wanted: ReleaseDescription) -> Candidate:
        """Make the edge and name the release; see Target."""
        async with self._call("prepare_candidate"):
            name, _ = self._prepare(wanted)
            return Candidate(name, exists=name in self.memory.releases)

    async def start_release(self, wanted: ReleaseDescription) -> Health:
        """Start a release beside the current one; see Target."""
        async with self._call("start_release"):
            name, secrets = self._prepare(wanted)
            if found := self.memory.releases.get(name):
                found.kept_until = LONG_AGO
            else:
                self.memory.releases[name] = Release(
                    name=name,
                    image=wanted.image,
                    version=wanted.version,
                    replicas=self.stack.environment.replicas,
                    behaviour=self.memory.behaviour(wanted.image),
                    started=datetime.now(UTC),
                    secrets=secrets,
                )
        async with self._call("wait_until_healthy"):
            return await self._wait(name, self.stack.environment.health.timeout)

    async def check_health(self, release: str) -> Health:
        """Look whether a release is healthy; see Target."""
        async with self._call("check_health"):
            return await self._wait(release, RUNNING)

    async def remove_release(self, release: str) -> None:
        """Remove a release; see Target."""
        async with self._call("remove_release"):
            self.memory.count()
            self.memory.releases.pop(release, None)

    async def examine_release(self, release: str) -> Health:
        """Say what is seen of a release; see Target."""
        async with self._call("examine_release"):
            found = self.memory.releases.get(release)
            if found is None:
                return Health(ok=False, reason=f"there is no release {release} here")
            if found.ended:
                return Health(ok=False, reason="a replica ended", logs="this build cannot start")
            if found.healthy < found.replicas:
                return Health(ok=False, reason="readiness: 503", logs="readiness: 503")
            return Health(ok=True, logs=f"the last lines of {release}")

    async def keep_release(self, release: str, seconds: float) -> None:
        """Keep a release for some time; see Target."""
        async with self._call("keep_release"):
            if found := self.memory.releases.get(release):
                found.kept_until = datetime.now(UTC) + timedelta(seconds=seconds)

    # Tests

    async def run_tests(self, run: TestRun, release: str = "") -> TestResult:
        """Run tests against a release; see Target."""
        async with self._call("run_tests"):
            behaviour = self.memory.behaviour(run.image)
            if not behaviour.exists:
                raise NotFoundError(f"{run.image} is not in the registry")
            is_late = behaviour.duration > run.timeout
            await asyncio.sleep(min(behaviour.duration, run.timeout))
            answers = (release or self.memory.routed or "") in self.memory.releases
            exit_code = -1 if is_late else behaviour.exit_code if answers else 1
            return TestResult(
                status="timeout" if is_late else "failed" if exit_code else "passed",
                exit_code=exit_code,
                output=f"{' '.join(run.command)} ended with {exit_code}",
                seconds=min(behaviour.duration, run.timeout),
            )

    def shell_beside(self, release: str, image: str) -> str:
        """Return what would open a shell; see Target."""
        return f"a shell in {image} beside {release}"

    # Route

    async def route(self, release: str) -> None:
        """Route all users to a release; see Target."""
        async with self._call("route"):
            self._raise_without_edge()
            self.memory.route(release)

    async def read_routes(self) -> frozenset[str]:
        """Return the releases that the edge routes to; see Target."""
        async with self._call("read_routes"):
            self._raise_without_edge()
            return frozenset({self.memory.routed or ""})

    async def record_routing(self, *, current: str, previous: str, stable: str) -> None:
        """Remember the routing; see Target."""
        async with self._call("record_routing"):
            if self.memory.routed is None:
                raise NotFoundError(f"{self.stack.namespace} has no edge")
            if current != self.memory.current:
                self.memory.since = datetime.now(UTC).isoformat(timespec="seconds")
            self.memory.current, self.memory.previous, self.memory.stable = current, previous, stable

    async def probe(self, release: str) -> str:
        """Ask through the edge as a user would; see Target."""
        async with self._call("probe"):
            self._raise_without_edge()
            if self.memory.routed != release:
                return f"the edge routes to {self.memory.routed or 'nothing'}"
            found = self.memory.releases.get(release)
            if found is None or not found.healthy:
                return f"{self.stack.app.health_path} through the edge fails"
            return ""

    # Metrics

    async def read_metrics(self) -> Metrics:
        """Read the edge's counters; see Target."""
        async with self._call("read_metrics"):
            self._raise_without_edge()
            self.memory.count()
            current = self.memory.releases.get(self.memory.current)
            return Metrics(self.memory.counters, current.ended if current else frozenset())

    async def send_traffic(self, seconds: float) -> int:
        """Send requests through the edge; see Target."""
        async with self._call("send_traffic"):
            rate = self.stack.environment.verify.traffic
            if not rate:
                return 0
            self._raise_without_edge()
            self.memory.send(seconds)
            await asyncio.sleep(seconds)
            return round(seconds * rate)

    # Retire

    async def retire(self) -> Retired:
        """Remove the releases that are no longer kept; see Target."""
        async with self._call("retire"):
            memory, now = self.memory, datetime.now(UTC)
            since = datetime.fromisoformat(memory.since) if memory.since else now
            is_over = since + timedelta(seconds=self.stack.environment.keep_previous) <= now
            kept = memory.previous if memory.previous in memory.releases and not is_over else ""
            stays = {memory.current, kept, *(name for name, one in memory.releases.items() if one.kept_until > now)}
            removed = tuple(name for name in memory.releases if name not in stays)
            for name in removed:
                del memory.releases[name]
            self._forget_unread()
            return Retired(kept, removed)

    # State

    async def read_state(self) -> TargetState:
        """Describe what exists; see Target."""
        async with self._call("read_state"):
            memory = self.memory
            return TargetState(
                address=self.stack.environment.address,
                current=self._reference(memory.current),
                previous=self._reference(memory.previous),
                stable=memory.stable,
                since=memory.since if memory.current else "",
                releases=tuple(map(self._describe, memory.releases.values())),
                services={} if memory.routed is None else {"edge": 1},
                intent=memory.intent,
                lock=memory.read_lock(),
            )

    # Secrets

    async def set_secret(self, name: str, value: bytes) -> int:
        """Give a secret a new value; see Target."""
        async with self._call("set_secret"):
            if not value or len(value) > LARGEST:
                raise DaemonError(f"{name}: a secret holds 1 to {LARGEST} bytes (is {len(value)})")
            try:
                file_name(name)
            except ValueError as error:
                raise DaemonError(f"{name}: cannot be a secret's name: it {error}") from error
            known = self.memory.secrets.setdefault(name, [])
            known.append((known[-1][0] + 1 if known else 1, datetime.now(UTC).isoformat()))
            self._forget_unread(keep=2)
            return known[-1][0]

    async def list_secrets(self) -> tuple[SecretState, ...]:
        """List the secrets; see Target."""
        async with self._call("list_secrets"):
            declared = self.stack.environment.secrets
            return tuple(
                SecretState(
                    name=name,
                    declared=name in declared,
                    versions=tuple(
                        SecretVersion(version=version, since=since, releases=self._readers(name, version))
                        for version, since in self.memory.secrets.get(name, [])
                    ),
                )
                for name in sorted({*declared, *self.memory.secrets})
            )

    def _prepare(self, wanted: ReleaseDescription) -> tuple[str, dict[str, int]]:
        if missing := self._missing_secrets():
            raise NotReadyError(self._advice(missing))
        if self.memory.routed is None:
            self.memory.routed = ""
        secrets = {name: self.memory.secrets[name][-1][0] for name in self.stack.environment.secrets}
        features = self.stack.environment.features if wanted.features is None else wanted.features
        parts = repr((wanted.version, features, self.stack.environment, secrets))
        digest = wanted.image.partition("@sha256:")[2]
        return f"web-{digest[:12]}-{hashlib.sha256(parts.encode()).hexdigest()[:6]}", secrets

    async def _wait(self, release: str, seconds: float) -> Health:
        end = asyncio.get_running_loop().time() + seconds
        while True:
            found = self.memory.releases.get(release)
            if found is None:
                return Health(ok=False, reason=f"there is no release {release} here: deploy it again")
            if found.healthy >= found.replicas:
                return Health(ok=True)
            if found.ended:
                return Health(ok=False, reason="a replica failed 3 times", logs="this build cannot start")
            if asyncio.get_running_loop().time() >= end:
                return Health(ok=False, reason=f"not healthy after {seconds:.0f} s", logs="health check: 503")
            await asyncio.sleep(POLL)

    def _raise_without_edge(self) -> None:
        if self.memory.routed is None:
            raise NotReadyError(f"the edge of {self.stack.namespace} does not run")

    def _reference(self, release: str) -> ReleaseRef:
        found = self.memory.releases.get(release)
        return ReleaseRef(release=release, version=found.version if found else "", image=found.image if found else "")

    def _describe(self, release: Release) -> ReleaseState:
        roles: dict[str, Role] = {self.memory.previous: "previous", self.memory.current: "current"}
        return ReleaseState(
            release=release.name,
            version=release.version,
            image=release.image,
            role=roles.get(release.name, "candidate"),
            replicas=release.replicas,
            healthy=release.healthy,
            created=release.started.isoformat(),
        )

    def _missing_secrets(self) -> list[str]:
        return [name for name in self.stack.environment.secrets if name not in self.memory.secrets]

    def _advice(self, missing: list[str]) -> str:
        return f"never set: {', '.join(missing)}"

    def _readers(self, name: str, version: int) -> tuple[str, ...]:
        releases = self.memory.releases.values()
        return tuple(sorted(release.name for release in releases if release.secrets.get(name) == version))

    def _forget_unread(self, keep: int = 1) -> None:
        """Forget the values that no release reads, but for the newest."""
        for name, versions in self.memory.secrets.items():
            old = versions[:-keep]
            versions[:] = [one for one in versions if one not in old or self._readers(name, one[0])]
