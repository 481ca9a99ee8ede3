"""What a killed run left behind, finished or undone: afterwards a proven release serves, or none if none ever did."""

from ci.targets.daemon import Daemon
from ci.targets.protocol import Recover, Recovered, RegistryLogin, Stack
from ci.targets.swarm import intent
from ci.targets.swarm import names as n
from ci.targets.swarm.edges import remember
from ci.targets.swarm.names import Names
from ci.targets.swarm.outpost import close_outpost
from ci.targets.swarm.releases import sweep
from ci.targets.swarm.services import Service, services
from ci.targets.swarm.switching import turn


async def handle_recover(daemon: Daemon, request: Recover) -> Recovered:
    """Finish or undo what a killed run left."""
    return await recover(daemon, request.stack, request.login)


async def recover(daemon: Daemon, stack: Stack, login: RegistryLogin) -> Recovered:
    """Finish a deploy that had proven itself or whose origin is gone; undo any other."""
    names = Names(stack)
    left = await intent.read(daemon, names)
    if left is None:
        return Recovered(message="nothing was left half done", action="nothing")
    there = await services(daemon, names)
    labels = there[n.EDGE]["Spec"]["Labels"] if n.EDGE in there else {}
    is_proven = labels.get(n.PROVEN) == left.candidate
    can_go_back = left.origin in there or not left.origin
    is_serving = labels.get(n.SERVING) == left.candidate
    if is_proven or (is_serving and not can_go_back):
        await turn(daemon, stack, login, left.candidate)
        await remember(
            daemon, names, serving=left.candidate, proven=left.candidate, previous=labels.get(n.PREVIOUS, "")
        )
        action, message = "finished", f"the deploy that was cut off is finished: {left.candidate} serves"
    else:
        await _undo(daemon, stack, login, left, there, labels)
        action, message = "undone", f"the deploy that was cut off is undone: {left.origin or 'nothing'} serves"
    await intent.clear(daemon, names)
    if n.EDGE in there:
        await sweep(daemon, stack)
    await close_outpost(daemon, stack)
    return Recovered.model_validate({"message": message, "action": action})


async def _undo(
    daemon: Daemon,
    stack: Stack,
    login: RegistryLogin,
    left: intent.Intent,
    there: dict[str, Service],
    labels: dict[str, str],
) -> None:
    names = Names(stack)
    if n.EDGE in there:
        # Also when the label says that the origin serves: the run may have been killed between the edge and the label.
        await turn(daemon, stack, login, left.origin)
        if labels.get(n.SERVING, "") != left.origin:
            await remember(daemon, names, serving=left.origin, proven=left.origin, previous="")
    if left.candidate in there and left.candidate != labels.get(n.PREVIOUS):
        await daemon.delete(f"/services/{names.full(left.candidate)}")
