"""Releases: a candidate started and gated, a failed one removed, the one before kept for a while."""

import asyncio
import time
from datetime import UTC, datetime, timedelta

from ci.causes import OUT_OF_MEMORY, advice
from ci.settings import FILE
from ci.targets.daemon import Daemon
from ci.targets.errors import RefusedError
from ci.targets.protocol import Candidate, Discard, Discarded, Retire, Retired, Stack, Started
from ci.targets.swarm import intent, specs
from ci.targets.swarm import names as n
from ci.targets.swarm.edges import let_serve, lets_serve
from ci.targets.swarm.health import Health, gate
from ci.targets.swarm.names import Names
from ci.targets.swarm.outpost import open_outpost
from ci.targets.swarm.secrets import forget_old
from ci.targets.swarm.services import create, relabel, scale, services
from ci.targets.swarm.stack import Ground, prepare


async def candidate(daemon: Daemon, request: Candidate) -> Started:
    """Start a release beside the one that serves; users see nothing of it, and an unhealthy one goes at once."""
    began, stack, names = time.monotonic(), request.stack, Names(request.stack)
    ground = await prepare(daemon, stack, request.login)
    spec = specs.release(stack, request.image, request.version, ground.secrets)
    name, serving = names.short(spec["Name"]), ground.edge.get(n.SERVING, "")
    if name != serving:
        await intent.record(daemon, names, serving, name)
    # Both at once: the switch will need the outpost.
    health, post = await asyncio.gather(
        _start(daemon, stack, spec, ground) if name not in ground.services else _healthy(daemon, stack, name),
        open_outpost(daemon, stack, ground.caddy),
    )
    seconds = round(time.monotonic() - began, 2)
    if name == serving and health.ok:
        if await lets_serve(daemon, names, post) != {name}:
            await let_serve(daemon, stack, post, name)
        return Started(
            message=f"{name} serves already", status="unchanged", release=name, serving=name, seconds=seconds
        )
    if health.ok:
        message = f"{name} is healthy after {seconds:.1f} s"
        return Started(message=message, status="healthy", release=name, serving=serving, seconds=seconds)
    await _give_up(daemon, names, ground, name)
    message = f"{name} did not get healthy and is gone again; {serving or 'nothing'} serves. {_why(stack, health)}"
    if name == serving:
        message = f"{name} serves, but is not healthy: {_why(stack, health)}"
    return Started(
        ok=False, message=message, status="unhealthy", release=name, serving=serving, seconds=seconds, logs=health.logs
    )


def _why(stack: Stack, health: Health) -> str:
    said = "\n".join([health.reason, health.logs, *([OUT_OF_MEMORY] if health.out_of_memory else [])])
    limit = f"environments.{stack.name}.resources.memory is {stack.environment.resources.memory}"
    memory = f"{limit}: raise it in {FILE}, or let the service use less"
    return " ".join(filter(None, [health.reason, advice(said, memory=memory)]))


async def _start(daemon: Daemon, stack: Stack, spec: specs.Spec, ground: Ground) -> Health:
    """Start the replicas, as many at a time as the environment says, and wait until they are healthy."""
    update, names, wanted = stack.environment.update, Names(stack), stack.environment.replicas
    name, step = names.short(spec["Name"]), update.parallelism or wanted
    await create(daemon, specs.with_replicas(spec, min(step, wanted)), ground.auth)
    for replicas in range(min(step, wanted), wanted, step):
        health = await gate(daemon, spec["Name"], replicas, stack.environment.health.timeout)
        if not health.ok:
            return health
        await asyncio.sleep(update.delay)
        await scale(daemon, spec["Name"], min(replicas + step, wanted))
    return await _healthy(daemon, stack, name)


async def _healthy(daemon: Daemon, stack: Stack, name: str) -> Health:
    environment = stack.environment
    return await gate(daemon, Names(stack).full(name), environment.replicas, environment.health.timeout)


async def discard(daemon: Daemon, request: Discard) -> Discarded:
    """Remove a candidate that failed its tests."""
    names = Names(request.stack)
    labels = (await services(daemon, names))[n.EDGE]["Spec"]["Labels"]
    if request.release == labels.get(n.SERVING):
        raise RefusedError(f"{request.release} serves: switch back first")
    if request.release != labels.get(n.PREVIOUS):
        await daemon.delete(f"/services/{names.full(request.release)}")
    await intent.clear(daemon, names)
    return Discarded(message=f"{request.release} is gone; {labels.get(n.SERVING) or 'nothing'} serves")


async def retire(daemon: Daemon, request: Retire) -> Retired:
    """Write down that what serves has proven itself, keep the release before, and remove the older ones."""
    stack, names = request.stack, Names(request.stack)
    labels = (await services(daemon, names))[n.EDGE]["Spec"]["Labels"]
    serving = labels.get(n.SERVING, "")
    if not serving:
        raise RefusedError("no release serves: there is nothing to end")
    if labels.get(n.PROVEN) != serving:
        await relabel(daemon, names.full(n.EDGE), **{n.PROVEN: serving})
    await intent.clear(daemon, names)
    kept, removed = await sweep(daemon, stack)
    message = (
        f"{serving} serves" + (f", {kept} is kept" if kept else "") + (f", {len(removed)} removed" if removed else "")
    )
    return Retired(message=message, kept=kept, removed=tuple(removed))


async def sweep(daemon: Daemon, stack: Stack) -> tuple[str, list[str]]:
    """Remove every release but the one that serves and, while its time is not over, the one before."""
    names = Names(stack)
    there = await services(daemon, names)
    labels = there[n.EDGE]["Spec"]["Labels"]
    since = datetime.fromisoformat(labels[n.SINCE]) if n.SINCE in labels else datetime.now(UTC)
    is_over = since + timedelta(seconds=stack.environment.keep_previous) <= datetime.now(UTC)
    previous = labels.get(n.PREVIOUS, "")
    kept = previous if previous in there and not is_over else ""
    gone = [name for name in there if name.startswith(n.RELEASE) and name not in {labels.get(n.SERVING), kept}]
    await asyncio.gather(*(daemon.delete(f"/services/{names.full(name)}") for name in gone))
    await forget_old(daemon, names)
    return kept, gone


async def _give_up(daemon: Daemon, names: Names, ground: Ground, name: str) -> None:
    if name not in {ground.edge.get(n.SERVING), ground.edge.get(n.PREVIOUS)}:
        await daemon.delete(f"/services/{names.full(name)}")
    if name != ground.edge.get(n.SERVING):
        await intent.clear(daemon, names)
