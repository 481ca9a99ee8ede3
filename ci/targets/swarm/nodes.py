"""The nodes of a swarm: which of them are ready, and whether a release fits on them."""

import asyncio
import time
from collections import Counter
from collections.abc import Sequence
from typing import Any

from ci.targets.daemon import Daemon
from ci.targets.stack import Stack
from ci.targets.swarm.specs.parts import NANO
from ci.targets.target import Check

Node = dict[str, Any]

# What a leader says of a node that it has not heard of since it became one.
UNKNOWN = "unknown"
# Seconds in which it hears of all that are there: they report every five, and are down when they miss three reports.
REPORT_TIMEOUT = 30


async def read_nodes(daemon: Daemon) -> list[Node]:
    """Return the nodes, once it is known of each how it is."""
    end = time.monotonic() + REPORT_TIMEOUT
    while True:
        nodes: list[Node] = await daemon.get("/nodes")
        if time.monotonic() > end or not any(node["Status"]["State"] == UNKNOWN for node in nodes):
            return nodes
        await asyncio.sleep(0.5)


def usable_nodes(nodes: Sequence[Node]) -> list[Node]:
    """Return the nodes that Swarm may place replicas on."""
    return [
        node for node in nodes if node["Status"]["State"] == "ready" and node["Spec"].get("Availability") == "active"
    ]


def check_nodes(nodes: Sequence[Node]) -> Check:
    """Check that there is a node to place anything on; one that is away is said, and does not stop a deploy."""
    there = usable_nodes(nodes)
    away = ", ".join(
        f"{node_name(node)} is {node['Status']['State']}, {node['Spec'].get('Availability')}"
        for node in nodes
        if node not in there
    )
    detail = f"{len(there)} of {len(nodes)} are ready" + (f" ({away})" if away else "")
    if there:
        return Check(name="nodes", ok=True, detail=detail)
    return Check(
        name="nodes", ok=False, detail=f"{detail}: start Docker there, or 'docker node update --availability active'"
    )


async def check_resources(daemon: Daemon, stack: Stack, nodes: Sequence[Node]) -> Check:
    """Check that a release's replicas fit on the nodes, beside what is placed there already."""
    environment, wanted = stack.environment, stack.environment.resources
    largest_cpus = max((_resources(node)["NanoCPUs"] for node in nodes), default=0) / NANO
    largest_memory = max((_resources(node)["MemoryBytes"] for node in nodes), default=0)
    reserved = await _reserved(daemon)
    room = sum(_room(node, reserved, wanted.reserved_bytes, environment.replicas) for node in nodes)
    where = f"[environments.{stack.name}]"
    problems = {
        f"resources.cpus is {wanted.cpus:g}, and no node has more than {largest_cpus:g}: lower it in {where}": (
            wanted.cpus > largest_cpus
        ),
        f"resources.memory is {wanted.memory}, and no node has more than {_mib(largest_memory)}: lower it in {where}": (
            wanted.memory_bytes > largest_memory
        ),
        f"{room} of {environment.replicas} replicas with {wanted.memory_reservation} reserved for each fit on "
        f"{len(nodes)} nodes beside what is there: lower resources.memory_reservation or replicas in {where}, "
        "or add nodes": room < environment.replicas,
    }
    found = [problem for problem, is_so in problems.items() if is_so]
    fine = f"{environment.replicas} replicas fit on {len(nodes)} nodes"
    return Check(name="resources", ok=not found, detail="; ".join(found) or fine)


def node_name(node: Node) -> str:
    """Return what people call a node."""
    return str(node["Description"].get("Hostname") or node["ID"])


async def _reserved(daemon: Daemon) -> Counter[str]:
    """Return how much memory is reserved on each node, by the node's id."""
    services, tasks = await asyncio.gather(
        daemon.get("/services"), daemon.get("/tasks", filters={"desired-state": ["running"]})
    )
    each = {service["ID"]: _reservation(service["Spec"]["TaskTemplate"]) for service in services}
    reserved: Counter[str] = Counter()
    for task in tasks:
        reserved[task.get("NodeID", "")] += each.get(task["ServiceID"], 0)
    return reserved


def _reservation(template: dict[str, Any]) -> int:
    reservations = (template.get("Resources") or {}).get("Reservations") or {}
    return int(reservations.get("MemoryBytes", 0))


def _room(node: Node, reserved: Counter[str], each: int, wanted: int) -> int:
    free: int = _resources(node)["MemoryBytes"] - reserved[node["ID"]]
    return min(wanted, max(0, free) // each) if each else wanted


def _resources(node: Node) -> dict[str, int]:
    resources: dict[str, int] = node["Description"]["Resources"]
    return resources


def _mib(size: int) -> str:
    return f"{size >> 20}MiB"
