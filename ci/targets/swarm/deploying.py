"""A whole deploy in one run, from the lock to the retirement: until the switch, users see nothing of it."""

from ci.targets import protocol as p
from ci.targets.daemon import Daemon
from ci.targets.swarm.delivering import Run, deliver
from ci.targets.swarm.preflight import preflight
from ci.targets.swarm.proving import prove
from ci.targets.swarm.releases import candidate, discard, retire
from ci.targets.swarm.switching import switch, switch_back
from ci.targets.swarm.watching import watch


async def deploy(daemon: Daemon, request: p.Deploy) -> p.Deployed:
    """Take an image to the environment.

    Raises:
        LockedError: Somebody else holds the lock, longer than this run waits.
    """
    return await deliver(daemon, request, steps)


async def steps(run: Run) -> p.Deployed:
    """Take a deploy's steps, under its lock."""
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
