"""One whole delivery: policy, lock, policy again, the sequence, and the record of how it ended."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from ci.delivery.budget import MARGIN, time_budget
from ci.delivery.deploy import deploy, roll_back
from ci.delivery.lock import acquire_lock, hold_lock, new_lock, stop_when_lost
from ci.delivery.policy import Policy
from ci.delivery.recording import Observations, record_end, record_observations, record_start
from ci.delivery.recovery import recover
from ci.delivery.request import DeliveryReport, DeliveryRequest, StageResult
from ci.delivery.run import DeliveryEnded, Run
from ci.ledger.builds import find_test_image
from ci.ledger.errors import LedgerError, RefusedError
from ci.ledger.history import Entry, History
from ci.ledger.notifications import notify
from ci.ledger.policy import Decision
from ci.ledger.records import ANONYMOUS, DeliveryStart
from ci.outcome import Outcome
from ci.progress import write_progress
from ci.targets.errors import LockedError, TargetError, TimedOutError, UnreachableError
from ci.targets.target import ReleaseDescription, Target, TestRun


async def deliver(request: DeliveryRequest, target: Target, policy: Policy) -> DeliveryReport:
    """Bring a version into service: policy, lock, policy again, the sequence, the record.

    Raises:
        RefusedError: Policy does not allow the delivery; nothing was changed.
        LockedError: Another run holds the lock for longer than the request waits, or a person does.
        TargetError: The target does not answer; nothing was changed.
        LedgerError: The ledger cannot be read, or the delivery's start cannot be recorded; nothing was changed.
    """
    decision, _ = await policy.check(request)
    loop = asyncio.get_running_loop()
    began = loop.time()
    actor = await policy.ledger.signatures.find_actor() or ANONYMOUS
    seconds = time_budget(target.stack.environment)
    lock = new_lock(actor, f"{request.action} {decision.version}", seconds + MARGIN, heartbeat=True)
    took_over = await acquire_lock(target, lock, request.patience)
    async with hold_lock(target, lock.token) as heartbeat:
        async with stop_when_lost(heartbeat):
            locked = StageResult(
                name="lock", ok=True, message=f"locked by {actor}", seconds=round(loop.time() - began, 2)
            )
            write_progress(f"lock: {locked.message} ({locked.seconds:.1f} s)")
            resolution = await recover(target)
            before = await target.read_state()
            await record_observations(
                policy.ledger,
                await policy.ledger.read(),
                request.environment,
                Observations(before.current, took_over, resolution),
            )
            decision, history = await policy.check(request)
            start, history = await record_start(policy.ledger, history, decision)
            image = find_test_image(history, decision.digest)
            untested = () if image else (f"no test image of {decision.version} is recorded: no tests run",)
            run = Run(
                target=target,
                release=ReleaseDescription(image=decision.image, version=decision.version, features=decision.features),
                tests=TestRun(image=image, command=test_command(target)) if image else None,
                verified=decision.verified,
                keep_failed=request.keep_failed,
                check_policy=_recheck(policy, request.model_copy(update={"version": decision.version})),
                stages=[locked],
                known={
                    "environment": decision.environment,
                    "action": decision.action,
                    "version": decision.version,
                    "digest": decision.digest,
                    "address": before.address,
                    "by": actor,
                    "previous": before.current.model_dump(),
                    "recovered": resolution,
                    "took_over": took_over,
                    "test_command": test_command(target),
                    "approvals": tuple(given.person for given in decision.approvals),
                    "warnings": (*decision.warnings, *untested),
                },
            )
        report = await _carry_out(run, heartbeat, rollback=request.action == "rollback", seconds=seconds)
        return await _record(policy, history, start, decision, report)


def test_command(target: Target) -> tuple[str, ...]:
    """Return the command that runs the environment's tests in a test image."""
    tests, environment = target.stack.app.tests, target.stack.environment
    folder = tests.integration if environment.tests == "integration" else tests.smoke
    return ("python", "-m", "pytest", folder, "--color=no", "-q")


async def _carry_out(run: Run, heartbeat: "asyncio.Task[None]", *, rollback: bool, seconds: float) -> DeliveryReport:
    """Run the sequence within its time budget; an unfinished change is undone."""
    try:
        async with stop_when_lost(heartbeat), _at_most(seconds):
            return await (roll_back(run) if rollback else deploy(run))
    except DeliveryEnded as ended:
        return run.report(ended.outcome, ended.message, **ended.details)
    except (UnreachableError, LockedError) as error:
        # Nothing can be put right from here: the next delivery does it, by the intent on the target.
        return run.report(Outcome.FAILED, str(error), reason=error.reason, intact=False)
    except TargetError as error:
        return await _undo(run, error)


async def _undo(run: Run, error: TargetError) -> DeliveryReport:
    try:
        async with run.stage("recover") as stage:
            resolution = await recover(run.target)
            stage.message = f"what was begun is {resolution}" if resolution else "nothing was begun"
    except TargetError:
        return run.report(Outcome.FAILED, str(error), reason=error.reason, intact=False)
    return run.report(Outcome.FAILED, str(error), reason=error.reason)


async def _record(
    policy: Policy, history: History, start: Entry[DeliveryStart], decision: Decision, report: DeliveryReport
) -> DeliveryReport:
    try:
        end = await record_end(policy.ledger, history, start, decision.features, report)
    except LedgerError as error:
        return report.model_copy(update={"unrecorded": str(error)})
    failures = await notify(policy.settings.environment(report.environment).notify, end)
    return report.model_copy(update={"warnings": (*report.warnings, *failures)})


def _recheck(policy: Policy, request: DeliveryRequest) -> Callable[[], Awaitable[None]]:
    # The request names the version: without one, policy would choose another release where this one was denied.
    async def check() -> None:
        try:
            await policy.check(request)
        except RefusedError as error:
            raise DeliveryEnded(Outcome.REFUSED, str(error)) from error
        except LedgerError as error:
            # Without the ledger, a denial since the last check would stay unknown.
            raise DeliveryEnded(Outcome.FAILED, f"policy cannot be checked before the switch: {error}") from error

    return check


@asynccontextmanager
async def _at_most(seconds: float) -> AsyncIterator[None]:
    try:
        async with asyncio.timeout(seconds):
            yield
    except TimeoutError as error:
        raise TimedOutError(f"not done after {seconds:.0f} s, the sum of all its time budgets") from error
