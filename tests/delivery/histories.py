"""Random histories: commands as data, how they are carried out, and how they are drawn."""

import asyncio
import itertools
from collections.abc import Sequence
from dataclasses import dataclass, replace

from hypothesis import strategies as st

from ci.ledger.errors import RefusedError
from ci.outcome import Outcome
from tests import virtual_time
from tests.delivery.invariants import BrokenError, Observer, check_end, check_outcome, check_rollback
from tests.delivery.process import Fault
from tests.delivery.world import Act, Result, World

PEOPLE = ("lead", "stakeholder")
VERSIONS = ("good-1", "good-2", "good-3", "bad", "quiet", "sick", "failing", "fading", "dying")


@dataclass(frozen=True)
class Meanwhile:
    """A statement that comes while a run is at work, some seconds after it began."""

    act: Act
    version: str
    seconds: float


@dataclass(frozen=True)
class Deliver:
    """A deploy, a rollback or a restore; a deploy builds its version where the version is new."""

    environment: str
    version: str = ""
    action: str = "deploy"
    # Whether both approvals are given first.
    approved: bool = False
    fault: Fault | None = None
    meanwhile: Meanwhile | None = None


@dataclass(frozen=True)
class Together:
    """Two runs at once in one environment, the second some seconds after the first."""

    first: Deliver
    second: Deliver
    seconds: float


@dataclass(frozen=True)
class State:
    """People approve, deny or lift a version in production."""

    act: Act
    version: str
    people: tuple[str, ...]


@dataclass(frozen=True)
class LockByPerson:
    """A person locks an environment for some seconds."""

    environment: str
    seconds: float


@dataclass(frozen=True)
class Unlock:
    """A person opens an environment's lock."""

    environment: str


@dataclass(frozen=True)
class Wait:
    """Nothing happens for some seconds."""

    seconds: float


Command = Deliver | Together | State | LockByPerson | Unlock | Wait

_environments = st.sampled_from(("production", "dev"))
_versions = st.sampled_from(VERSIONS)
_acts: st.SearchStrategy[Act] = st.sampled_from(("deny", "deny", "lift", "approve"))
_faults = st.builds(
    Fault, st.sampled_from(("kill", "kill", "lost", "unanswered", "cut off")), st.integers(min_value=1, max_value=45)
)
_meanwhile = st.builds(Meanwhile, _acts, _versions, st.sampled_from((0.3, 2.0, 4.0, 6.0, 12.0)))


@st.composite
def _deliveries(draw: st.DrawFn) -> Deliver:
    action = draw(st.sampled_from(("deploy", "deploy", "deploy", "rollback", "rollback", "restore")))
    version = draw(_versions if action == "deploy" else st.sampled_from(("", "", "good-1", "good-2")))
    meanwhile = draw(st.none() | _meanwhile)
    if meanwhile and version:
        meanwhile = replace(meanwhile, version=version)
    return Deliver(
        environment=draw(_environments),
        version=version,
        action=action,
        approved=draw(st.sampled_from((True, True, True, False))),
        fault=draw(st.none() | _faults),
        meanwhile=meanwhile,
    )


@st.composite
def _pairs(draw: st.DrawFn) -> Together:
    first, second = draw(_deliveries()), draw(_deliveries())
    second = replace(second, environment=first.environment)
    return Together(first, second, draw(st.sampled_from((0.0, 0.1, 3.0, 8.0))))


@st.composite
def _rollbacks(draw: st.DrawFn) -> Together:
    """Draw two undisturbed rollbacks at once: what the second one chose before it got the lock is outdated."""
    rollback = Deliver(draw(_environments), action="rollback")
    return Together(rollback, rollback, 0.1)


# Hypothesis shrinks towards the first: what does not matter in a failing history becomes a wait.
commands: st.SearchStrategy[Command] = st.one_of(
    st.builds(Wait, st.sampled_from((1.0, 15.0, 700.0))),
    _deliveries(),
    _deliveries(),
    _deliveries(),
    _pairs(),
    _rollbacks(),
    st.builds(State, _acts, _versions, st.sampled_from((PEOPLE, ("lead",), ("stakeholder",)))),
    st.builds(LockByPerson, _environments, st.sampled_from((5.0, 3600.0))),
    st.builds(Unlock, _environments),
)
histories = st.lists(commands, min_size=8, max_size=12)


def run_history(history: Sequence[Command]) -> None:
    """Carry out a history, and check the invariants after each command and at the end.

    Raises:
        BrokenError: An invariant does not hold.
    """
    virtual_time.run(_Historian().run(history))


class _Historian:
    def __init__(self) -> None:
        self.observer = Observer()
        self.world = World(observe=self.observer.observe)
        self.observer.world = self.world
        self.built: set[str] = set()
        self.names = itertools.count(1)
        # The environments whose last run may have left something, which the next one puts right.
        self.disturbed: set[str] = set()

    async def run(self, history: Sequence[Command]) -> None:
        # What dead runs leave in their tasks is nobody's to retrieve.
        asyncio.get_running_loop().set_exception_handler(lambda *_: None)
        for command in history:
            await self.carry_out(command)
            self.observer.raise_first()
        for environment in self.world.stacks:
            await self.get_through(environment)

    async def carry_out(self, command: Command) -> None:
        match command:
            case Deliver():
                await self.finish(command.environment, [await self.deliver(command)])
            case Together():
                await self.together(command)
            case State():
                await self.state(command.act, command.version, *command.people)
            case LockByPerson():
                await self.lock(command)
            case Unlock():
                await self.world.unlock(command.environment)
            case Wait():
                await asyncio.sleep(command.seconds)

    async def get_through(self, environment: str) -> None:
        """Deploy a good version, as somebody would who knows nothing of what happened before."""
        lock = self.world.stacks[environment].read_lock()
        if lock and not lock.lock.heartbeat:
            await self.world.unlock(environment)
        command = Deliver(environment, f"good-last-{environment}", approved=True)
        result = await self.deliver(command)
        if result.report is None or not result.report.ok:
            what = result.error or (result.report and result.report.message)
            raise BrokenError("the next command gets through", f"{environment}: {what}")
        await self.finish(environment, [result])

    async def deliver(self, command: Deliver) -> Result:
        version = command.version
        if version and version not in self.built:
            self.built.add(version)
            await self.world.build(version)
        if command.approved and version and command.environment == "production":
            missing = [name for name in PEOPLE if name not in self.observer.approvals.get(version, set())]
            await self.state("approve", version, *missing)
        said = asyncio.create_task(self.state_later(command.meanwhile)) if command.meanwhile else None
        result = await self.world.deliver(
            command.environment, version, fault=command.fault, action=command.action, begin=self.begin
        )
        if said:
            await said
        return result

    def begin(self, result: Result) -> None:
        self.observer.wanted[result.process] = (result.request.action, result.request.version)

    async def together(self, command: Together) -> None:
        first = asyncio.create_task(self.deliver(command.first))
        await asyncio.sleep(command.seconds)
        results = [await self.deliver(command.second), await first]
        await self.finish(command.first.environment, results)

    async def finish(self, environment: str, results: list[Result]) -> None:
        """Check what runs left, where nothing disturbed them; else remember that the next run puts it right."""
        self.observer.raise_first()
        ended = [result for result in results if result.report]
        for result in ended:
            if result.report and result.report.outcome is Outcome.INCONCLUSIVE:
                self.observer.inconclusive.add((environment, result.report.digest))
        for result in results:
            self.check_error(result, alone=len(results) == 1)
        if any(result.process.struck for result in results):
            self.disturbed.add(environment)
        elif ended:
            self.disturbed.discard(environment)
            check_end(self.observer, await self.world.read(), environment, ended)
            for result in ended:
                check_rollback(result)
            if len(results) == 1 and results[0].request.action == "deploy" and not self.is_denied(results[0]):
                check_outcome(results[0])

    def check_error(self, result: Result, *, alone: bool) -> None:
        if result.process.struck or result.error is None:
            return
        lock = self.world.stacks[result.request.environment].read_lock()
        by_person = lock is not None and not lock.lock.heartbeat
        if isinstance(result.error, RefusedError) or (result.locked and (by_person or not alone)):
            return
        raise BrokenError("an undisturbed run fails by policy alone", f"{type(result.error).__name__}: {result.error}")

    def is_denied(self, result: Result) -> bool:
        return result.request.version in self.observer.denied or (
            result.request.environment == "production"
            and result.report is not None
            and "denied" in result.report.message
        )

    async def lock(self, command: LockByPerson) -> None:
        held = self.world.stacks[command.environment].read_lock()
        if held is None or held.expired:
            await self.world.lock(command.environment, seconds=command.seconds)

    async def state_later(self, meanwhile: Meanwhile) -> None:
        await asyncio.sleep(meanwhile.seconds)
        await self.state(meanwhile.act, meanwhile.version, *PEOPLE[:1])

    async def state(self, act: Act, version: str, *people: str) -> None:
        """State something in production about a version that was built, and let the observer know."""
        if version not in self.built:
            return
        await self.world.state(act, version, *people)
        now = asyncio.get_running_loop().time()
        if act == "approve":
            self.observer.approvals.setdefault(version, set()).update(people)
        elif act == "deny" and people:
            self.observer.denied.setdefault(version, now)
        elif act == "lift":
            self.observer.denied.pop(version, None)
