"""What a killed run left behind, finished or undone: afterwards a proven release serves, or none if none ever did."""

from ci.targets.daemon import Daemon
from ci.targets.protocol import Recover, Recovered, RegistryLogin, Stack
from ci.targets.swarm import intent
from ci.targets.swarm import names as n
from ci.targets.swarm.edges import remember
from ci.targets.swarm.intent import Intent
from ci.targets.swarm.names import Names
from ci.targets.swarm.outpost import close_outpost
from ci.targets.swarm.releases import sweep
from ci.targets.swarm.services import Service, services
from ci.targets.swarm.switching import standing, turn


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
    if await _is_to_be_finished(daemon, left, there):
        await turn(daemon, stack, login, left.candidate)
        previous = left.origin if left.origin in there else ""
        await remember(daemon, names, serving=left.candidate, proven=left.candidate, previous=previous)
        action, message = "finished", f"the run that was cut off is finished: {left.candidate} serves"
    else:
        await _undo(daemon, stack, login, left, there)
        action, message = "undone", f"the run that was cut off is undone: {left.origin or 'nothing'} serves"
    await intent.clear(daemon, names)
    if n.EDGE in there:
        await sweep(daemon, stack)
    await close_outpost(daemon, stack)
    return Recovered.model_validate({"message": message, "action": action})


async def _is_to_be_finished(daemon: Daemon, left: Intent, there: dict[str, Service]) -> bool:
    labels = _memory(there)
    if labels.get(n.PROVEN) == left.candidate:
        return True
    if left.rollback and left.candidate in there:
        # It had proven itself before, and somebody wanted to get away from what serves.
        return (await standing(daemon, there[left.candidate])).ok
    can_go_back = left.origin in there or not left.origin
    return labels.get(n.SERVING) == left.candidate and not can_go_back


async def _undo(daemon: Daemon, stack: Stack, login: RegistryLogin, left: Intent, there: dict[str, Service]) -> None:
    names, labels = Names(stack), _memory(there)
    if n.EDGE in there:
        # Also when the label says that the origin serves: the run may have been killed between the edge and the label.
        await turn(daemon, stack, login, left.origin)
        if labels.get(n.SERVING, "") != left.origin:
            await remember(daemon, names, serving=left.origin, proven=left.origin, previous="")
    if left.candidate in there and left.candidate != labels.get(n.PREVIOUS):
        await daemon.delete(f"/services/{names.full(left.candidate)}")


def _memory(there: dict[str, Service]) -> dict[str, str]:
    labels: dict[str, str] = there[n.EDGE]["Spec"]["Labels"] if n.EDGE in there else {}
    return labels
