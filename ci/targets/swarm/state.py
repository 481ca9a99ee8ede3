"""What is on the target now."""

from ci.targets.daemon import Daemon
from ci.targets.protocol import Described, ReleaseState, State
from ci.targets.swarm import intent
from ci.targets.swarm import names as n
from ci.targets.swarm.lock import held_by
from ci.targets.swarm.names import Names
from ci.targets.swarm.services import Service, is_running, services, tasks


async def state(daemon: Daemon, request: State) -> Described:
    """Describe the stack."""
    names = Names(request.stack)
    there = await services(daemon, names)
    labels: dict[str, str] = there[n.EDGE]["Spec"]["Labels"] if n.EDGE in there else {}
    running = {name: sum(map(is_running, await tasks(daemon, names.full(name)))) for name in there}
    releases = tuple(
        _release(name, service, running[name], labels) for name, service in there.items() if name.startswith(n.RELEASE)
    )
    left = await intent.read(daemon, names)
    serving = labels.get(n.SERVING, "")
    is_well = any(release.name == serving and release.healthy >= release.replicas for release in releases)
    address = request.stack.environment.address
    return Described(
        ok=is_well and bool(running.get(n.EDGE)),
        message=_sentence(serving, labels.get(n.SINCE, ""), address, is_well=is_well),
        address=address,
        serving=serving,
        since=labels.get(n.SINCE, "") if serving else "",
        releases=releases,
        services={name: count for name, count in running.items() if not name.startswith(n.RELEASE)},
        intent=str(left) if left else "",
        lock=await held_by(daemon, names),
    )


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
