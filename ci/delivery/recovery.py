"""Recovery: what a killed run left is finished or undone, by its intent.

Afterwards a stable release serves, or none where there never was one.
"""

from typing import Literal

from ci.targets.target import Intent, Target, TargetState

Resolution = Literal["", "undone", "finished"]


async def recover(target: Target) -> Resolution:
    """Finish a delivery whose candidate is stable, or whose earlier release is gone; undo any other."""
    state = await target.read_state()
    intent = state.intent
    if intent is None:
        return ""
    if await _can_finish(target, state, intent):
        await target.route(intent.candidate)
        previous = intent.current if state.find(intent.current) and intent.current != intent.candidate else ""
        await target.record_routing(current=intent.candidate, previous=previous, stable=intent.candidate)
        resolution: Resolution = "finished"
    else:
        await _undo(target, state, intent)
        resolution = "undone"
    await target.clear_intent()
    if state.services.get("edge") is not None:
        await target.retire()
    return resolution


async def _can_finish(target: Target, state: TargetState, intent: Intent) -> bool:
    if state.stable == intent.candidate:
        return True
    if intent.rollback and state.find(intent.candidate):
        # The candidate was verified earlier, and the actor wanted to get away from the current release.
        return (await target.check_health(intent.candidate)).ok
    can_go_back = not intent.current or state.find(intent.current) is not None
    return state.current.release == intent.candidate and not can_go_back


async def _undo(target: Target, state: TargetState, intent: Intent) -> None:
    if "edge" in state.services:
        # Always: a run may have been killed between the edge's switch and the record of its routing.
        await target.route(intent.current)
        if state.current.release != intent.current:
            await target.record_routing(current=intent.current, previous="", stable=intent.current)
    if intent.candidate not in {intent.current, state.previous.release}:
        await target.remove_release(intent.candidate)
