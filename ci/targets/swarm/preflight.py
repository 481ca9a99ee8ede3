"""Whether a deploy can work at all, looked at before anything changes; each check says what to do when it is bad."""

from typing import Any

from ci.targets.daemon import Daemon
from ci.targets.errors import RefusedError
from ci.targets.protocol import Check, Checked, Preflight
from ci.targets.swarm import names as n
from ci.targets.swarm.names import Names


async def preflight(daemon: Daemon, request: Preflight) -> Checked:
    """Check the target."""
    info = await daemon.get("/info")
    checks = [_swarm(daemon, info)]
    if checks[0].ok:
        checks += [_memory(request, info), await _port(daemon, request), await _image(daemon, request)]
    bad = [f"{check.name}: {check.detail}" for check in checks if not check.ok]
    return Checked(ok=not bad, message="; ".join(bad) or f"{daemon.where} is ready", checks=tuple(checks))


def _swarm(daemon: Daemon, info: dict[str, Any]) -> Check:
    swarm = info["Swarm"]
    if swarm["LocalNodeState"] != "active":
        detail = f"{daemon.where} is not part of a swarm: run 'docker swarm init' there"
    elif not swarm["ControlAvailable"]:
        detail = f"{daemon.where} is a worker: point the target at a manager"
    else:
        return Check(name="swarm", ok=True, detail=f"active, {swarm['Nodes']} nodes, Docker {info['ServerVersion']}")
    return Check(name="swarm", ok=False, detail=detail)


def _memory(request: Preflight, info: dict[str, Any]) -> Check:
    environment = request.stack.environment
    # The candidate stands beside what serves.
    wanted = 2 * environment.replicas * environment.resources.reserved_bytes
    there = info["MemTotal"] * info["Swarm"]["Nodes"]
    detail = (
        f"{wanted >> 20} MiB reserved by two releases of {environment.replicas} replicas, about {there >> 20} MiB there"
    )
    advice = "" if wanted <= there else ": lower resources.memory_reservation or replicas, or add nodes"
    return Check(name="memory", ok=wanted <= there, detail=detail + advice)


async def _port(daemon: Daemon, request: Preflight) -> Check:
    port, names = request.stack.environment.edge.port, Names(request.stack)
    edge = names.full(n.EDGE)
    takers = [
        service["Spec"]["Name"]
        for service in await daemon.get("/services")
        for published in service["Spec"].get("EndpointSpec", {}).get("Ports", [])
        if published.get("PublishedPort") == port and service["Spec"]["Name"] != edge
    ]
    takers += [
        container["Names"][0].removeprefix("/")
        for container in await daemon.get("/containers/json")
        for published in container["Ports"]
        if published.get("PublicPort") == port and container["Labels"].get("com.docker.swarm.service.name") != edge
    ]
    detail = f"{port} is free for the edge" if not takers else f"{port} is taken by {', '.join(takers)}: set edge.port"
    return Check(name="port", ok=not takers, detail=detail)


async def _image(daemon: Daemon, request: Preflight) -> Check:
    if not request.image:
        return Check(name="image", ok=True, detail="not built yet")
    try:
        await daemon.get(f"/distribution/{request.image}/json")
    except RefusedError as error:
        detail = f"{request.image} cannot be pulled: {error}: push it again, or log in"
        return Check(name="image", ok=False, detail=detail)
    return Check(name="image", ok=True, detail=f"{request.image} can be pulled")
