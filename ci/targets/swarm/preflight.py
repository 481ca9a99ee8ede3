"""Whether a deploy can work at all, looked at before anything changes; each check says what to do when it is bad."""

import asyncio
from typing import Any

from ci.targets.daemon import Daemon
from ci.targets.protocol import Check, Checked, Preflight
from ci.targets.swarm import names as n
from ci.targets.swarm.disk import disk
from ci.targets.swarm.names import Names
from ci.targets.swarm.nodes import known, ready, resources, usable
from ci.targets.swarm.pulling import architecture, image
from ci.targets.swarm.secrets import advice, values


async def preflight(daemon: Daemon, request: Preflight) -> Checked:
    """Check the target."""
    info = await daemon.get("/info")
    checks = [_swarm(daemon, info)]
    if checks[0].ok:
        checks += await _on_swarm(daemon, request)
    bad = [f"{check.name}: {check.detail}" for check in checks if not check.ok]
    return Checked(ok=not bad, message="; ".join(bad) or f"{daemon.where} is ready", checks=tuple(checks))


async def _on_swarm(daemon: Daemon, request: Preflight) -> list[Check]:
    nodes = await known(daemon)
    there = usable(nodes)
    checks = await asyncio.gather(
        _port(daemon, request),
        image(daemon, request, nodes),
        architecture(daemon, request, there),
        resources(daemon, request.stack, there),
        disk(daemon, request.stack, request.login),
        _secrets(daemon, request),
    )
    return [ready(nodes), *checks]


def _swarm(daemon: Daemon, info: dict[str, Any]) -> Check:
    swarm = info["Swarm"]
    if swarm["LocalNodeState"] != "active":
        detail = f"{daemon.where} is not part of a swarm: run 'docker swarm init' there"
    elif not swarm["ControlAvailable"]:
        detail = f"{daemon.where} is a worker, or its swarm has no quorum of managers: point the target at a manager"
    else:
        return Check(name="swarm", ok=True, detail=f"active, {swarm['Nodes']} nodes, Docker {info['ServerVersion']}")
    return Check(name="swarm", ok=False, detail=detail)


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


async def _secrets(daemon: Daemon, request: Preflight) -> Check:
    wanted = n.wanted_secrets(request.stack)
    there = await values(daemon, Names(request.stack)) if wanted else {}
    missing = [name for name in wanted if name not in there]
    detail = advice(request.stack, missing) if missing else f"{len(wanted)} of {len(wanted)} are set"
    return Check(name="secrets", ok=not missing, detail=detail)
