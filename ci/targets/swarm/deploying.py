"""A whole deploy in one run, from the lock to the retirement: until the switch, users see nothing of it."""

import asyncio
import sys
import time
from collections.abc import Awaitable
from typing import Any, Literal, TypeVar

from ci.targets import protocol as p
from ci.targets.daemon import Daemon
from ci.targets.errors import LockedError, TargetError, UnreachableError
from ci.targets.swarm.heartbeat import beating
from ci.targets.swarm.lock import lock, unlock
from ci.targets.swarm.names import Names
from ci.targets.swarm.preflight import preflight
from ci.targets.swarm.proving import prove
from ci.targets.swarm.recovery import recover
from ci.targets.swarm.releases import candidate, discard, retire
from ci.targets.swarm.switching import switch, switch_back
from ci.targets.swarm.watching import watch

Answer = TypeVar("Answer", bound=p.Outcome)
Status = Literal["deployed", "unchanged", "inconclusive", "refused", "unhealthy", "unproven", "switched-back"]


async def deploy(daemon: Daemon, request: p.Deploy) -> p.Deployed:
    """Take an image to the environment.

    Raises:
        LockedError: Somebody else deploys there, longer than this run waits.
        TargetError: A stage could not be carried out; what was begun is undone, or finished if it had proven itself.
    """
    run = Run(daemon, request)
    locked = await run.stage("lock", _locked(daemon, request, run.base))
    try:
        async with beating(daemon, Names(request.stack), locked.token):
            return await _safely(run)
    finally:
        await unlock(daemon, p.Unlock(**run.base, token=locked.token))


class Run:
    """One deploy on its way: what its stages said so far."""

    def __init__(self, daemon: Daemon, request: p.Deploy) -> None:
        """Begin with nothing done."""
        self.daemon = daemon
        self.request = request
        self.base: dict[str, Any] = {"stack": request.stack, "access": request.access, "login": request.login}
        self.stages: list[p.StageResult] = []

    async def stage(self, name: str, work: Awaitable[Answer]) -> Answer:
        """Do one stage, and keep and show what it said."""
        began = time.monotonic()
        outcome = await work
        seconds = round(time.monotonic() - began, 2)
        result = p.StageResult.model_validate(
            {"name": name, "ok": outcome.ok, "message": outcome.message, "seconds": seconds}
        )
        self.stages.append(result)
        sys.stderr.write(f"{name}: {outcome.message} ({seconds:.1f} s)\n")
        return outcome

    def ended(self, status: Status, **details: Any) -> p.Deployed:  # noqa: ANN401 - the outcome's other fields
        """Make the outcome of the stages so far; the last that was bad news, or else the last, is its sentence."""
        telling = [stage for stage in self.stages if not stage.ok] or self.stages
        return p.Deployed(
            ok=status in {"deployed", "unchanged", "inconclusive"},
            message=telling[-1].message,
            status=status,
            address=self.request.stack.environment.address,
            stages=tuple(self.stages),
            **details,
        )


async def _locked(daemon: Daemon, request: p.Deploy, base: dict[str, Any]) -> p.Locked:
    wanted = p.Lock(**base, holder=request.holder, reason=f"deploy {request.version}")
    end = time.monotonic() + request.patience
    while True:
        try:
            return await lock(daemon, wanted, beats=True)
        except LockedError:
            if time.monotonic() > end:
                raise
        await asyncio.sleep(1)


async def _safely(run: Run) -> p.Deployed:
    try:
        return await _steps(run)
    except (UnreachableError, LockedError):
        # Nothing can be put right from here: the next run does it, by the intent in the target.
        raise
    except TargetError:
        await recover(run.daemon, run.request.stack, run.request.login)
        raise


async def _steps(run: Run) -> p.Deployed:
    daemon, request, base = run.daemon, run.request, run.base
    checked = await run.stage("preflight", preflight(daemon, p.Preflight(**base, image=request.image)))
    if not checked.ok:
        return run.ended("refused")
    wanted = p.Candidate(**base, image=request.image, version=request.version)
    started = await run.stage("candidate", candidate(daemon, wanted))
    release, proved = started.release, None
    if started.status != "healthy":
        return run.ended(started.status, release=release, logs=started.logs)
    if request.proof:
        proof = p.Prove(**base, **request.proof.model_dump(), release=release)
        proved = await run.stage("prove", prove(daemon, proof))
        if not proved.ok:
            await run.stage("discard", discard(daemon, p.Discard(**base, release=release)))
            return run.ended("unproven", release=release, proved=proved)
    await run.stage("switch", switch(daemon, p.Switch(**base, release=release)))
    watched = await run.stage("watch", watch(daemon, p.Watch(**base)))
    details = {"release": release, "proved": proved, "verdict": watched.verdict}
    if not watched.ok:
        await run.stage("switch-back", switch_back(daemon, p.SwitchBack(**base)))
        return run.ended("switched-back", **details)
    await run.stage("retire", retire(daemon, p.Retire(**base)))
    return run.ended("inconclusive" if watched.verdict.outcome == "inconclusive" else "deployed", **details)
