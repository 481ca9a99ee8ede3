"""Preflight: checks before anything changes; the detail of a failed check names what to do."""

import asyncio
from typing import Any

from ci.targets.daemon import Daemon
from ci.targets.errors import OwnedByOtherError
from ci.targets.stack import RegistryLogin, Stack
from ci.targets.swarm import names as n
from ci.targets.swarm.disk import check_disk
from ci.targets.swarm.names import Names
from ci.targets.swarm.nodes import check_nodes, check_resources, read_nodes, usable_nodes
from ci.targets.swarm.owners import check_owner
from ci.targets.swarm.pulling import check_architecture, check_image
from ci.targets.swarm.secrets import missing_secrets_hint, values
from ci.targets.target import Check


async def check_target(daemon: Daemon, stack: Stack, login: RegistryLogin, image: str) -> tuple[Check, ...]:
    """Check whether a delivery of an image can work; changes nothing."""
    swarm = _swarm(daemon, await daemon.get("/info"))
    return (swarm, *(await _checks(daemon, stack, login, image) if swarm.ok else ()))


async def _checks(daemon: Daemon, stack: Stack, login: RegistryLogin, image: str) -> list[Check]:
    nodes = await read_nodes(daemon)
    there = usable_nodes(nodes)
    checks = await asyncio.gather(
        _owner(daemon, stack),
        _secrets(daemon, stack),
        _port(daemon, stack),
        check_image(daemon, stack, login, image, nodes),
        check_architecture(daemon, login, image, there),
        check_resources(daemon, stack, there),
        check_disk(daemon, stack, login),
    )
    return [check_nodes(nodes), *checks]


def _swarm(daemon: Daemon, info: dict[str, Any]) -> Check:
    swarm = info["Swarm"]
    if swarm["LocalNodeState"] != "active":
        detail = f"{daemon.where} is not part of a swarm: run 'docker swarm init' there"
    elif not swarm["ControlAvailable"]:
        detail = f"{daemon.where} is a worker, or its swarm has no quorum of managers: point the target at a manager"
    else:
        return Check(name="swarm", ok=True, detail=f"active, {swarm['Nodes']} nodes, Docker {info['ServerVersion']}")
    return Check(name="swarm", ok=False, detail=detail)


async def _owner(daemon: Daemon, stack: Stack) -> Check:
    try:
        await check_owner(daemon, Names(stack))
    except OwnedByOtherError as error:
        return Check(name="owner", ok=False, detail=str(error))
    return Check(name="owner", ok=True, detail=f"{stack.namespace} belongs to {stack.app.name} alone")


async def _port(daemon: Daemon, stack: Stack) -> Check:
    port, names = stack.environment.edge.port, Names(stack)
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


async def _secrets(daemon: Daemon, stack: Stack) -> Check:
    wanted = n.declared_secrets(stack)
    there = await values(daemon, Names(stack)) if wanted else {}
    missing = [name for name in wanted if name not in there]
    detail = missing_secrets_hint(stack, missing) if missing else f"{len(wanted)} of {len(wanted)} are set"
    return Check(name="secrets", ok=not missing, detail=detail)
