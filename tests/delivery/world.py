"""A team's world in memory: two environments, a ledger, people, and runs of the pipeline; all code of ours is real."""

import itertools
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Any, Literal

from ci.delivery.deliver import deliver
from ci.delivery.lock import new_lock
from ci.delivery.policy import Policy
from ci.delivery.request import DeliveryReport, DeliveryRequest
from ci.ledger.builds import record_build
from ci.ledger.errors import LedgerError
from ci.ledger.history import History
from ci.ledger.records import Approval, BuildDescription, Denial, Lift
from ci.ledger.signing.statements import Statement
from ci.ledger.store.cache import Cache
from ci.ledger.store.checks import CheckedRecord
from ci.ledger.store.store import Ledger
from ci.settings import Settings
from ci.targets.errors import LockedError, TargetError
from ci.targets.stack import Stack
from tests.delivery.process import Fault, KilledError, Observe, Process
from tests.ledger.memory import MemoryLedger, MemoryRegistry, MemoryRepository, MemorySignatures
from tests.targets.memory import Behaviour, MemoryStack, MemoryTarget

SETTINGS = """
[app]
name = "shop"
dockerfile = "Dockerfile"
[registry]
repository = "localhost:5000/shop"
[people.author]
emails = ["author@example.org"]
roles = ["developer"]
[people.lead]
roles = ["lead"]
[people.stakeholder]
roles = ["stakeholder"]
# The first in the file has no environment before it, from which a release would have to be promoted.
[environments.production]
kind = "production"
edge.port = 8081
update = { parallelism = 0, delay = 0 }
health.timeout = 8
verify = { window = 4, interval = 2, min_requests = 20 }
keep_previous = 600
[environments.dev]
kind = "dev"
edge.port = 8082
health.timeout = 8
verify = { window = 4, interval = 2, min_requests = 20 }
keep_previous = 600
"""
Kind = Literal["good", "sick", "failing", "fading", "bad", "dying", "quiet"]
Act = Literal["approve", "deny", "lift"]
# How a release behaves by its version's kind; its test image has the second behaviour.
KINDS: Mapping[Kind, tuple[Behaviour, Behaviour]] = {
    "good": (Behaviour(), Behaviour()),
    # Never gets healthy.
    "sick": (Behaviour(healthy_from=1e9), Behaviour()),
    "failing": (Behaviour(), Behaviour(exit_code=1)),
    # Gets healthy, and is no longer when its tests have passed.
    "fading": (Behaviour(healthy_until=4), Behaviour()),
    # Fails in users' hands: by its answers, or by its replicas' end.
    "bad": (Behaviour(errors=0.5), Behaviour()),
    "dying": (Behaviour(healthy_until=8), Behaviour()),
    # Nobody uses it, so its metrics say nothing.
    "quiet": (Behaviour(counted=0), Behaviour()),
}


@dataclass
class Result:
    """How a run ended: with a report, with an error, or killed with neither."""

    process: Process
    request: DeliveryRequest
    report: DeliveryReport | None = None
    error: LedgerError | TargetError | None = None

    @property
    def ended(self) -> DeliveryReport:
        """The report of a run that ended with one."""
        assert self.report is not None, self.error
        return self.report

    @property
    def locked(self) -> bool:
        """Whether somebody else held the lock."""
        return isinstance(self.error, LockedError)


def digest_of(version: str) -> str:
    """Return a version's digest."""
    return f"sha256:{sha256(version.encode()).hexdigest()}"


def image_of(version: str) -> str:
    """Return a version's image."""
    return f"localhost:5000/shop@{digest_of(version)}"


def kind_of(version: str) -> Kind:
    """Return the kind that a version's name begins with."""
    return next(kind for kind in KINDS if version.startswith(kind))


@dataclass
class World:
    """The environments, the ledger, and what happens to them."""

    settings: Settings = field(default_factory=lambda: Settings.parse(SETTINGS))
    repository: MemoryRepository = field(default_factory=MemoryRepository)
    observe: Observe = lambda *_: None
    stacks: dict[str, MemoryStack] = field(default_factory=dict)
    _numbers: Iterator[int] = field(default_factory=itertools.count)
    _sound: dict[str, CheckedRecord] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Give each environment its stack."""
        self.stacks = {name: MemoryStack(Stack.of(self.settings, name)) for name in self.settings.environments}

    def ledger(self, person: str = "lead", process: Process | None = None) -> Ledger:
        """Open the ledger for a person."""
        process = process or Process(self.observe)
        registry = MemoryRegistry(self.repository, process.registry)
        return MemoryLedger(
            registry, self.settings.app.name, MemorySignatures(person=person), Cache(), sound=self._sound
        )

    def target(self, environment: str, process: Process | None = None) -> MemoryTarget:
        """Connect to an environment's target."""
        return MemoryTarget(self.stacks[environment], (process or Process(self.observe)).target(environment))

    async def read(self) -> History:
        """Read the ledger."""
        return await self.ledger().read()

    async def build(self, version: str) -> None:
        """Build a version, which behaves as the first part of its name says, and record the build."""
        release, tests = KINDS[kind_of(version)]
        test_image = f"localhost:5000/shop@{digest_of(f'tests of {version}')}"
        for stack in self.stacks.values():
            stack.behaviours |= {image_of(version): release, test_image: tests}
        built = BuildDescription(
            version=version,
            image=image_of(version),
            test_image=test_image,
            inputs=f"inputs of {version}",
            author="author@example.org",
        )
        await record_build(self.ledger("author"), self.settings.people, built)

    async def state(self, act: Act, version: str, *people: str, environment: str = "production") -> None:
        """Let people approve, deny or lift a version."""
        for person in people:
            ledger, now = self.ledger(person), datetime.now(UTC).replace(microsecond=0)
            about = {"environment": environment, "version": version, "digest": digest_of(version)}
            # A statement counts once, so no two statements may be the same.
            reason = "" if act == "approve" else f"reason {next(self._numbers)}"
            expires = now + timedelta(days=7) if act == "approve" else None
            app = self.settings.app.name
            text = Statement(act=act, app=app, at=now, expires=expires, reason=reason, **about).text
            signature = await ledger.signatures.sign(text.encode())
            kind: type[Any] = {"approve": Approval, "deny": Denial, "lift": Lift}[act]
            last = {"expires": expires} if expires else {"reason": reason}
            await ledger.append(await ledger.read(), kind, statement=text, signature=signature, **about, **last)

    async def deliver(
        self,
        environment: str,
        version: str = "",
        *,
        fault: Fault | None = None,
        actor: str = "lead",
        begin: Callable[["Result"], None] = lambda _: None,
        **details: Any,
    ) -> Result:
        """Run a delivery as its own process; `begin` gets the result before anything happens."""
        process = Process(self.observe, fault)
        request = DeliveryRequest(environment=environment, version=version, **details)
        result = Result(process, request)
        begin(result)
        policy = Policy(self.settings, self.ledger(actor, process))
        try:
            result.report = await deliver(request, self.target(environment, process), policy)
        except (TargetError, LedgerError) as error:
            result.error = error
        except KilledError:
            assert process.killed
        if process.killed:
            # What a dead process still returns, nobody sees.
            result.report = result.error = None
        return result

    async def lock(self, environment: str, person: str = "lead", seconds: float = 3600) -> None:
        """Let a person lock an environment."""
        lock = new_lock(person, "investigating", seconds, heartbeat=False)
        await self.target(environment).acquire_lock(lock)

    async def unlock(self, environment: str) -> None:
        """Open an environment's lock, also another holder's."""
        await self.target(environment).release_lock(force=True)

    async def release(self, environment: str, version: str, *, fault: Fault | None = None, **details: Any) -> Result:
        """Build a version, let both approvers approve it, and deploy it."""
        await self.build(version)
        if environment == "production":
            await self.state("approve", version, "lead", "stakeholder")
        return await self.deliver(environment, version, fault=fault, **details)
