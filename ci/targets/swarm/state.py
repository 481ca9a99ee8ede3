"""What is on the target now."""

from typing import Any

from ci.targets.daemon import Daemon
from ci.targets.protocol import Described, ReleaseState, Served, Stack, State
from ci.targets.swarm import intent
from ci.targets.swarm import names as n
from ci.targets.swarm.locking import described, held_by
from ci.targets.swarm.names import Names
from ci.targets.swarm.services import Service, is_running, services, tasks


async def state(daemon: Daemon, request: State) -> Described:
    """Describe the stack."""
    names = Names(request.stack)
    there = await services(daemon, names)
    labels = _memory(there)
    running = {name: sum(map(is_running, await tasks(daemon, names.full(name)))) for name in there}
    releases = tuple(
        _release(name, service, running[name], labels) for name, service in there.items() if name.startswith(n.RELEASE)
    )
    serving = next((release for release in releases if release.role == "serving"), None)
    is_well = serving is not None and serving.healthy >= serving.replicas
    address = request.stack.environment.address
    return Described(
        ok=is_well and bool(running.get(n.EDGE)),
        message=_sentence(labels.get(n.SERVING, ""), labels.get(n.SINCE, ""), address, is_well=is_well),
        address=address,
        **_served(there, labels),
        replicas=serving.replicas if serving else 0,
        healthy=serving.healthy if serving else 0,
        releases=releases,
        services={name: count for name, count in running.items() if not name.startswith(n.RELEASE)},
        **await _under_way(daemon, names),
    )


async def serving_now(daemon: Daemon, stack: Stack) -> Served:
    """Tell what serves."""
    there = await services(daemon, Names(stack))
    return _one(there, _memory(there).get(n.SERVING, ""))


async def _under_way(daemon: Daemon, names: Names) -> dict[str, Any]:
    left, held = await intent.read(daemon, names), await held_by(daemon, names)
    return {
        "intent": str(left) if left else "",
        "lock": str(held.holder) if held else "",
        "locked": described(held) if held else None,
    }


def _memory(there: dict[str, Service]) -> dict[str, str]:
    labels: dict[str, str] = there[n.EDGE]["Spec"]["Labels"] if n.EDGE in there else {}
    return labels


def _served(there: dict[str, Service], labels: dict[str, str]) -> dict[str, Any]:
    serving = labels.get(n.SERVING, "")
    return {
        "serving": serving,
        "since": labels.get(n.SINCE, "") if serving else "",
        "by_hand": labels.get(n.BY_HAND, ""),
        "now": _one(there, serving),
        "previous": _one(there, labels.get(n.PREVIOUS, "")),
    }


def _one(there: dict[str, Service], release: str) -> Served:
    if release not in there:
        return Served()
    labels = there[release]["Spec"]["Labels"]
    return Served(release=release, version=labels.get(n.VERSION, ""), image=labels.get(n.IMAGE, ""))


def _sentence(serving: str, since: str, address: str, *, is_well: bool) -> str:
    if not serving:
        return "nothing serves here"
    return f"{serving} serves at {address} since {since}" + ("" if is_well else ", but is not wholly healthy")


def _release(name: str, service: Service, healthy: int, edge: dict[str, str]) -> ReleaseState:
    roles = {edge.get(n.SERVING): "serving", edge.get(n.PREVIOUS): "previous"}
    labels = service["Spec"]["Labels"]
    return ReleaseState.model_validate(
        {
            "name": name,
            "image": labels.get(n.IMAGE, ""),
            "version": labels.get(n.VERSION, ""),
            "role": roles.get(name, "candidate"),
            "replicas": service["Spec"]["Mode"]["Replicated"]["Replicas"],
            "healthy": healthy,
            "created": service["CreatedAt"],
        }
    )
