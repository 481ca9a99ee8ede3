"""Back to an image that served before: a switch of the edge while its release is kept, a deploy when it is not."""

import asyncio

from ci.targets import protocol as p
from ci.targets.daemon import Daemon
from ci.targets.swarm import deploying, intent
from ci.targets.swarm import names as n
from ci.targets.swarm.delivering import Run, deliver
from ci.targets.swarm.edges import answers_with
from ci.targets.swarm.images import pinned
from ci.targets.swarm.names import Names
from ci.targets.swarm.outpost import Outpost, open_outpost
from ci.targets.swarm.releases import retire
from ci.targets.swarm.services import Service, services
from ci.targets.swarm.switching import standing, switch, switch_back


async def rollback(daemon: Daemon, request: p.Rollback) -> p.Deployed:
    """Let an image serve again.

    Raises:
        LockedError: Somebody else holds the lock, longer than this run waits.
    """
    return await deliver(daemon, request, _steps)


async def _steps(run: Run) -> p.Deployed:
    daemon, request = run.daemon, run.request
    names = Names(request.stack)
    there = await services(daemon, names)
    labels = there[n.EDGE]["Spec"]["Labels"] if n.EDGE in there else {}
    kept = _kept(there, labels, request)
    if not kept:
        return await deploying.steps(run)
    # Both at once: the switch needs the outpost.
    health, post = await asyncio.gather(standing(daemon, there[kept]), _outpost(run))
    if not health.ok:
        return await deploying.steps(run)
    if kept == labels.get(n.SERVING):
        return run.ended("unchanged", message=f"{kept} serves already", release=kept, kept=True)
    return await _back_to(run, post, labels.get(n.SERVING, ""), kept)


async def _back_to(run: Run, post: Outpost, origin: str, kept: str) -> p.Deployed:
    daemon, base = run.daemon, run.base
    await intent.record(daemon, Names(run.request.stack), origin, kept, rollback=True)
    await run.stage("switch", switch(daemon, p.Switch(**base, release=kept)))
    checked = await run.stage("check", _check(run, post, kept))
    if not checked.ok:
        await run.stage("switch-back", switch_back(daemon, p.SwitchBack(**base)))
        return run.ended("switched-back", release=kept, kept=True)
    await run.stage("retire", retire(daemon, p.Retire(**base)))
    return run.ended("deployed", release=kept, kept=True)


async def _outpost(run: Run) -> Outpost:
    stack = run.request.stack
    image = await pinned(run.daemon, stack, stack.images.caddy, run.request.login)
    return await open_outpost(run.daemon, stack, image)


async def _check(run: Run, post: Outpost, release: str) -> p.Outcome:
    stack = run.request.stack
    problem = await answers_with(run.daemon, stack, post, release)
    return p.Outcome(ok=not problem, message=problem or f"{stack.environment.address} answers with {release}")


def _kept(there: dict[str, Service], edge: dict[str, str], request: p.Delivery) -> str:
    """Return the release of an image that is there still: of its version, and the one that serves first of all."""
    found = [name for name, service in there.items() if service["Spec"]["Labels"].get(n.IMAGE) == request.image]
    of_version = [name for name in found if there[name]["Spec"]["Labels"][n.VERSION] == request.version]
    order = [edge.get(n.SERVING), edge.get(n.PREVIOUS)]
    return min(of_version or found, key=lambda name: order.index(name) if name in order else len(order), default="")
