"""The switch, and the way back: one atomic step each, of the edge alone."""

import time

from ci.targets.daemon import Daemon
from ci.targets.errors import MissingError, RefusedError
from ci.targets.protocol import RegistryLogin, Stack, Switch, SwitchBack, Switched
from ci.targets.swarm import intent
from ci.targets.swarm import names as n
from ci.targets.swarm.edges import let_serve, remember
from ci.targets.swarm.health import Health, gate
from ci.targets.swarm.images import pinned
from ci.targets.swarm.names import Names
from ci.targets.swarm.outpost import outpost
from ci.targets.swarm.services import Service, services
from ci.targets.swarm.times import STANDING


async def switch(daemon: Daemon, request: Switch) -> Switched:
    """Let a healthy release serve.

    Raises:
        RefusedError: It is not there, or not healthy.
    """
    began, stack, names = time.monotonic(), request.stack, Names(request.stack)
    there = await services(daemon, names)
    labels = edge_labels(there)
    before = labels.get(n.SERVING, "")
    await _must_be_healthy(daemon, there, request.release)
    await turn(daemon, stack, request.login, request.release)
    if request.release != before:
        await remember(daemon, names, serving=request.release, proven=labels.get(n.PROVEN, ""), previous=before)
    return _switched(stack, request.release, before, began)


async def switch_back(daemon: Daemon, request: SwitchBack) -> Switched:
    """Let the release before serve again (none, when there was none), and remove the one that failed."""
    began, stack, names = time.monotonic(), request.stack, Names(request.stack)
    there = await services(daemon, names)
    labels = edge_labels(there)
    failed, back = labels.get(n.SERVING, ""), labels.get(n.PREVIOUS, "")
    if back:
        await _must_be_healthy(daemon, there, back)
    await turn(daemon, stack, request.login, back)
    await remember(daemon, names, serving=back, proven=back, previous="")
    if failed:
        await daemon.delete(f"/services/{names.full(failed)}")
    await intent.clear(daemon, names)
    return _switched(stack, back, failed, began)


async def turn(daemon: Daemon, stack: Stack, login: RegistryLogin, release: str) -> None:
    """Make the edge let a release serve."""
    image = await pinned(daemon, stack, stack.images.caddy, login)
    async with outpost(daemon, stack, image) as post:
        await let_serve(daemon, stack, post, release)


async def standing(daemon: Daemon, release: Service) -> Health:
    """Tell whether a release that is there already has all its replicas healthy."""
    spec = release["Spec"]
    return await gate(daemon, spec["Name"], max(1, spec["Mode"]["Replicated"]["Replicas"]), STANDING)


def edge_labels(there: dict[str, Service]) -> dict[str, str]:
    """Return what the edge remembers.

    Raises:
        MissingError: There is none.
    """
    if n.EDGE not in there:
        raise MissingError("nothing was ever deployed here: there is no edge")
    labels: dict[str, str] = there[n.EDGE]["Spec"]["Labels"]
    return labels


async def _must_be_healthy(daemon: Daemon, there: dict[str, Service], release: str) -> None:
    if release not in there:
        raise MissingError(f"there is no release {release} here: deploy it again")
    health = await standing(daemon, there[release])
    if not health.ok:
        raise RefusedError(f"{release} is not healthy and will not be switched to: {health.reason}")


def _switched(stack: Stack, serving: str, before: str, began: float) -> Switched:
    return Switched(
        message=f"{serving or 'nothing'} serves at {stack.environment.address}",
        serving=serving,
        before=before,
        address=stack.environment.address,
        seconds=round(time.monotonic() - began, 2),
    )
