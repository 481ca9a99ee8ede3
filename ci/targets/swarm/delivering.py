"""One delivery, a deploy or a rollback: the lock around it, the time it has, and what its stages said."""

import asyncio
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from typing import Any, TypeVar

from ci.targets import protocol as p
from ci.targets.daemon import Daemon
from ci.targets.errors import FrozenError, LockedError, SlowError, TargetError, UnreachableError
from ci.targets.swarm.heartbeat import beating
from ci.targets.swarm.locking import lock, unlock
from ci.targets.swarm.names import Names
from ci.targets.swarm.recovery import recover
from ci.targets.swarm.state import serving_now
from ci.targets.swarm.times import MARGIN, longest

Answer = TypeVar("Answer", bound=p.Outcome)


class Run:
    """One delivery on its way: what its stages said so far."""

    def __init__(self, daemon: Daemon, request: p.Delivery) -> None:
        """Begin with nothing done."""
        self.daemon = daemon
        self.request = request
        self.base: dict[str, Any] = {"stack": request.stack, "access": request.access, "login": request.login}
        self.stages: list[p.StageResult] = []
        # What belongs into the outcome however it ends.
        self.told: dict[str, Any] = {}

    async def stage(self, name: p.Stage, work: Awaitable[Answer]) -> Answer:
        """Do one stage, and keep and show what it said, or why it could not be carried out."""
        began = time.monotonic()
        try:
            outcome = await work
        except TargetError as error:
            self._note(name, began, str(error), ok=False)
            raise
        self._note(name, began, outcome.message, ok=outcome.ok)
        return outcome

    def ended(self, status: p.Status, **details: Any) -> p.Deployed:  # noqa: ANN401 - the outcome's other fields
        """Make the outcome of the stages so far; the last that was bad news, or else the last, is its sentence."""
        telling = [stage for stage in self.stages if not stage.ok] or self.stages
        fields = {
            "ok": status in {"deployed", "unchanged", "inconclusive"},
            "message": telling[-1].message,
            "status": status,
            "address": self.request.stack.environment.address,
            "stages": tuple(self.stages),
        }
        return p.Deployed.model_validate({**fields, **self.told, **details})

    def failed(self, error: TargetError, *, intact: bool) -> p.Deployed:
        """Make the outcome of a stage that could not be carried out."""
        return self.ended("failed", message=str(error), reason=error.reason, intact=intact)

    def _note(self, name: p.Stage, began: float, message: str, *, ok: bool) -> None:
        seconds = round(time.monotonic() - began, 2)
        self.stages.append(p.StageResult(name=name, ok=ok, message=message, seconds=seconds))
        sys.stderr.write(f"{name}: {message} ({seconds:.1f} s)\n")


Steps = Callable[[Run], Awaitable[p.Deployed]]


async def deliver(daemon: Daemon, request: p.Delivery, steps: Steps) -> p.Deployed:
    """Take the steps while nobody else can; what they began and could not end is undone, or finished if it was proven.

    Raises:
        LockedError: Somebody else holds the lock, longer than this run waits.
    """
    run = Run(daemon, request)
    seconds = longest(request.stack, request.proof)
    locked = await run.stage("lock", _locked(run, seconds + MARGIN))
    run.told = {"recovered": locked.recovered, "took_over": locked.took_over}
    try:
        async with beating(daemon, Names(request.stack), locked.token):
            run.told["before"] = await serving_now(daemon, request.stack)
            return await _safely(run, steps, seconds)
    except TargetError as error:
        # Nothing can be put right from here: the next run does it, by the intent in the target.
        return run.failed(error, intact=False)
    finally:
        # One that cannot be opened any more is somebody else's by now, or falls silent with this run.
        with suppress(TargetError):
            await unlock(daemon, p.Unlock(**run.base, token=locked.token))


async def _locked(run: Run, seconds: float) -> p.Locked:
    request = run.request
    reason = f"{getattr(request, 'phase', 'delivery')} {request.version}"
    wanted = p.Lock(**run.base, holder=request.holder, reason=reason, seconds=seconds)
    end = time.monotonic() + request.patience
    while True:
        try:
            return await lock(run.daemon, wanted, beats=True)
        except FrozenError:
            raise
        except LockedError:
            if time.monotonic() > end:
                raise
        await asyncio.sleep(1)


async def _safely(run: Run, steps: Steps, seconds: float) -> p.Deployed:
    try:
        async with _at_most(seconds):
            return await steps(run)
    except (UnreachableError, LockedError):
        raise
    except TargetError as error:
        await run.stage("recover", recover(run.daemon, run.request.stack, run.request.login))
        return run.failed(error, intact=True)


@asynccontextmanager
async def _at_most(seconds: float) -> AsyncIterator[None]:
    try:
        async with asyncio.timeout(seconds):
            yield
    except TimeoutError as error:
        raise SlowError(f"not done after {seconds:.0f} s, longer than all its time-outs together") from error
