"""What must hold in every history, whatever happens to its runs.

The observer looks at the stacks at each call of each run, with its own memory of approvals and verify windows, so that
no code of the delivery vouches for itself.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field

from ci.ledger.history import History
from ci.ledger.records import DeliveryEnd
from ci.outcome import Outcome
from ci.targets.target import Intent
from tests.delivery.process import Process
from tests.delivery.world import Kind, Result, World, digest_of, kind_of
from tests.targets.memory import MemoryStack

# How a delivery of a new version ends, by the version's kind, when nothing disturbs the run.
OUTCOMES: dict[Kind, Outcome] = {
    "good": Outcome.SUCCEEDED,
    "sick": Outcome.FAILED,
    "failing": Outcome.FAILED,
    "fading": Outcome.FAILED,
    "bad": Outcome.ROLLED_BACK,
    "dying": Outcome.ROLLED_BACK,
    "quiet": Outcome.INCONCLUSIVE,
}
MAY_STAY = ("good", "quiet")
CHANGES = {
    "write_intent",
    "clear_intent",
    "prepare_candidate",
    "start_release",
    "remove_release",
    "route",
    "record_routing",
    "retire",
}
# Seconds between the last look at policy and the switch: a denial that comes then comes too late.
TOO_LATE = {"deploy": 1.0, "restore": 1.0, "rollback": 3.0}


class BrokenError(AssertionError):
    """An invariant does not hold."""

    def __init__(self, invariant: str, detail: str) -> None:
        """Name the invariant, and what happened instead."""
        super().__init__(f"{invariant}: {detail}")
        self.invariant = invariant


@dataclass
class Observer:
    """Watches every call, and remembers what people stated and which releases were watched for a whole window."""

    world: World = field(init=False)
    # The people who approved a digest for production, and since when digests are denied there.
    approvals: dict[str, set[str]] = field(default_factory=dict)
    denied: dict[str, float] = field(default_factory=dict)
    # The release and the time at which each run began to watch it.
    _watching: dict[tuple[Process, str], float] = field(default_factory=dict)
    watched: set[tuple[str, str]] = field(default_factory=set)
    # The environments and digests of releases whose verification ended inconclusive: they stay.
    inconclusive: set[tuple[str, str]] = field(default_factory=set)
    # The intents by the run that wrote each; a run's own action and digest.
    _intents: dict[str, tuple[Process, Intent]] = field(default_factory=dict)
    wanted: dict[Process, tuple[str, str]] = field(default_factory=dict)
    broken: list[BrokenError] = field(default_factory=list)

    def observe(self, process: Process, environment: str, call: str) -> None:
        """Look at one call of a run: before its effect (`before …`) and after it."""
        if not environment:
            return
        memory = self.world.stacks[environment]
        if call == "acquire_lock":
            process.token = memory.lock.token if memory.lock else ""
        elif call.removeprefix("before ") in CHANGES:
            if call.startswith("before "):
                self._look_before(process, environment, call)
            else:
                self._look_after(process, environment, call)
        elif call == "read_metrics":
            self._watch(process, environment)

    def raise_first(self) -> None:
        """Raise the first invariant that did not hold."""
        if self.broken:
            raise self.broken[0]

    def _look_before(self, process: Process, environment: str, call: str) -> None:
        memory = self.world.stacks[environment]
        if memory.lock is None or memory.lock.token != process.token:
            self._break("one delivery at a time", f"{environment}: {call} without holding the lock")
        if call == "before write_intent" and memory.intent:
            self._break("one delivery at a time", f"{environment}: {call} over {memory.intent}")

    def _look_after(self, process: Process, environment: str, call: str) -> None:
        memory = self.world.stacks[environment]
        if call == "write_intent" and memory.intent:
            self._intents[environment] = (process, memory.intent)
        elif call == "route":
            for key in [key for key in self._watching if key[1] == environment]:
                del self._watching[key]
            if memory.routed:
                self._look_at_route(process, environment, memory.routed)

    def _look_at_route(self, process: Process, environment: str, release: str) -> None:
        found = self.world.stacks[environment].releases.get(release)
        if found is None:
            self._break("users reach a release", f"{environment}: users are routed to {release}, which does not exist")
            return
        writer, intent = self._intents.get(environment, (None, None))
        is_own = writer is process and intent is not None and intent.candidate == release
        if is_own and not found.healthy:
            self._break("users reach a healthy release", f"{environment}: users are routed to {found.version}")
        if environment == "production":
            self._look_at_approval(process, found.version, is_own=is_own)

    def _look_at_approval(self, process: Process, version: str, *, is_own: bool) -> None:
        people, now = self.approvals.get(version, set()), asyncio.get_running_loop().time()
        if not {"lead", "stakeholder"} <= people:
            self._break("nothing unapproved serves production", f"{version} has approvals by {sorted(people)}")
        action, _ = self.wanted.get(process, ("deploy", ""))
        since = self.denied.get(version)
        if is_own and since is not None and since < now - TOO_LATE[action]:
            self._break("nothing unapproved serves production", f"{version} was denied {now - since:.1f} s before")

    def _watch(self, process: Process, environment: str) -> None:
        memory, now = self.world.stacks[environment], asyncio.get_running_loop().time()
        since = self._watching.setdefault((process, environment), now)
        if memory.routed and now - since >= memory.stack.environment.verify.window:
            self.watched.add((environment, memory.routed))

    def _break(self, invariant: str, detail: str) -> None:
        self.broken.append(BrokenError(invariant, detail))


def check_end(observer: Observer, history: History, environment: str, results: Sequence[Result]) -> None:
    """Check what a command left that nothing disturbed and that came past the lock.

    Raises:
        BrokenError: An invariant does not hold.
    """
    observer.raise_first()
    memory = observer.world.stacks[environment]
    routed = memory.routed or ""
    release = memory.releases.get(routed)
    if memory.lock:
        raise BrokenError("nothing is left behind", f"{environment}: the lock is still held: {memory.lock}")
    if memory.intent:
        raise BrokenError("nothing is left behind", f"{environment}: the intent is still there: {memory.intent}")
    _check_leftovers(memory, results)
    if memory.current != routed:
        raise BrokenError("the target knows its release", f"{environment}: {memory.current}, but users reach {routed}")
    if routed and release is None:
        raise BrokenError("users reach a release", f"{environment}: {routed} does not exist")
    stays = release and (environment, digest_of(release.version)) in observer.inconclusive
    if release and kind_of(release.version) not in MAY_STAY and not stays:
        raise BrokenError("a verified release serves", f"{environment}: {release.version} serves")
    if release and (environment, routed) not in observer.watched:
        raise BrokenError("a verified release serves", f"{environment}: {release.version} was never watched")
    _check_ledger(history, environment, release.image.partition("@")[2] if release else "")
    for result in results:
        _check_record(history, result)


def _check_leftovers(memory: MemoryStack, results: Sequence[Result]) -> None:
    """Check which releases are left.

    A run that ends before its switch leaves what it found, also what an earlier run could not retire.
    """
    unnamed = {name: found for name, found in memory.releases.items() if name not in {memory.current, memory.previous}}
    reports = [result.report for result in results if result.report]
    retired = any(report.ok or report.outcome == Outcome.ROLLED_BACK for report in reports)
    tried = {report.digest for report in reports if not report.ok}
    for name, found in unnamed.items():
        if retired or digest_of(found.version) in tried:
            raise BrokenError("nothing is left behind", f"{memory.stack.name}: {name}")


def check_outcome(result: Result) -> None:
    """Check how a run ended that nothing disturbed and that brought a new version."""
    report, kind = result.report, kind_of(result.request.version)
    if report is None:
        return
    is_there = report.previous.digest == report.digest
    # What serves already may be found unchanged, or verified now.
    expected = {OUTCOMES[kind]} | ({Outcome.UNCHANGED} if is_there else set())
    if report.outcome not in expected:
        what = f"{report.version} ended {report.outcome}: {report.message}"
        raise BrokenError("an outcome is what happened", f"{report.environment}: {what}")


def check_rollback(result: Result) -> None:
    """Check that a rollback without a version left the release that it found, however long the run waited before."""
    report = result.report
    is_chosen = report and report.ok and report.action == "rollback" and not result.request.version
    if report and is_chosen and report.digest == report.previous.digest:
        what = f"{report.environment}: {report.version} served already"
        raise BrokenError("a rollback leaves the current release", what)


def _check_ledger(history: History, environment: str, digest: str) -> None:
    entry = history.current(environment)
    recorded = entry.record.digest if entry else ""
    if recorded != digest:
        what = (
            f"{environment}: by the ledger {recorded[:14] or 'nothing'} serves, users reach {digest[:14] or 'nothing'}"
        )
        raise BrokenError("the ledger never claims what did not happen", what)
    if history.problems or history.open_starts(environment):
        problems = f"{history.problems} {history.open_starts(environment)}"
        raise BrokenError("the ledger never claims what did not happen", f"{environment}: {problems}")


def _check_record(history: History, result: Result) -> None:
    report = result.report
    if report is None or report.unrecorded:
        return
    of_version = history.of(DeliveryEnd, environment=report.environment, digest=digest_of(report.version))
    if not of_version:
        raise BrokenError("the ledger never claims what did not happen", f"{report.version}: its end is not recorded")
    # Two deliveries of one version may run at once: the newest record is the other one's.
    recorded = [entry.record.outcome for entry in of_version[-2:]]
    if report.outcome not in recorded:
        what = f"{report.version} ended {report.outcome}, recorded as {', '.join(recorded)}"
        raise BrokenError("the ledger never claims what did not happen", what)
