"""What exists on the target now."""

import asyncio

from ci.targets.daemon import Daemon
from ci.targets.stack import Stack
from ci.targets.swarm import names as n
from ci.targets.swarm.edge import routing_labels
from ci.targets.swarm.helper import OpenHelper
from ci.targets.swarm.intent import read_intent
from ci.targets.swarm.lock import read_lock
from ci.targets.swarm.names import Names
from ci.targets.swarm.readiness import ReadinessCheck
from ci.targets.swarm.services import Service, Task, is_running, services, tasks
from ci.targets.target import ReleaseRef, ReleaseState, TargetState


async def read_state(daemon: Daemon, stack: Stack, open_helper: OpenHelper) -> TargetState:
    """Describe the stack; the replicas of its releases are asked whether they are ready."""
    names = Names(stack)
    found = await services(daemon, names)
    labels = routing_labels(found)
    of_services, intent, lock = await asyncio.gather(
        asyncio.gather(*(tasks(daemon, names.full(name)) for name in found)),
        read_intent(daemon, names),
        read_lock(daemon, names),
    )
    healthy = await asyncio.gather(
        *(
            _count_healthy(of_one, name, found[name], stack, open_helper)
            for name, of_one in zip(found, of_services, strict=True)
        )
    )
    running = dict(zip(found, healthy, strict=True))
    current = labels.get(n.CURRENT, "")
    return TargetState(
        address=stack.environment.address,
        current=_reference(found, current),
        previous=_reference(found, labels.get(n.PREVIOUS, "")),
        stable=labels.get(n.STABLE, ""),
        since=labels.get(n.SINCE, "") if current else "",
        by_hand=labels.get(n.BY_HAND, ""),
        releases=tuple(
            _release(name, service, running[name], labels)
            for name, service in found.items()
            if name.startswith(n.RELEASE)
        ),
        services={name: count for name, count in running.items() if not name.startswith(n.RELEASE)},
        intent=intent,
        lock=lock,
    )


async def _count_healthy(found: list[Task], name: str, service: Service, stack: Stack, open_helper: OpenHelper) -> int:
    """Return how many replicas run, and, of a release, are ready."""
    running = list(filter(is_running, found))
    if not name.startswith(n.RELEASE) or not running:
        return len(running)
    return (await ReadinessCheck(open_helper, stack, service).find_problems(running)).count("")


def _reference(found: dict[str, Service], release: str) -> ReleaseRef:
    if release not in found:
        return ReleaseRef(release=release)
    labels = found[release]["Spec"]["Labels"]
    return ReleaseRef(release=release, version=labels.get(n.VERSION, ""), image=labels.get(n.IMAGE, ""))


def _release(name: str, service: Service, healthy: int, routing: dict[str, str]) -> ReleaseState:
    roles = {routing.get(n.CURRENT): "current", routing.get(n.PREVIOUS): "previous"}
    labels = service["Spec"]["Labels"]
    return ReleaseState.model_validate(
        {
            "release": name,
            "image": labels.get(n.IMAGE, ""),
            "version": labels.get(n.VERSION, ""),
            "role": roles.get(name, "candidate"),
            "replicas": service["Spec"]["Mode"]["Replicated"]["Replicas"],
            "healthy": healthy,
            "created": service["CreatedAt"],
        }
    )
