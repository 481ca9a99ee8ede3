"""One deploy at a time: a config under a fixed name, which only one can create; whoever forgets it is taken over."""

import secrets
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

from pydantic import BaseModel

from ci.targets.daemon import Daemon
from ci.targets.errors import FrozenError, LockedError, MissingError, TakenError
from ci.targets.protocol import Lock, Locked, LockState, Proof, Unlock, Unlocked
from ci.targets.swarm.names import Names
from ci.targets.swarm.objects import content, create, find
from ci.targets.swarm.outpost import close_outpost
from ci.targets.swarm.recovery import recover
from ci.targets.swarm.times import MARGIN, longest

# After so long without a sign of life a holder that promised them is dead.
SILENCE = timedelta(seconds=10)


class Holder(BaseModel):
    """Who holds the lock, why, and until when."""

    who: str
    why: str
    since: datetime
    until: datetime
    token: str
    # Whether the holder keeps saying that it lives, as every run does; a person does not.
    beats: bool = False

    def __str__(self) -> str:
        """Say it in words."""
        return f"{self.who} since {self.since:%Y-%m-%d %H:%M:%S} until {self.until:%Y-%m-%d %H:%M:%S} UTC: {self.why}"


class Held(NamedTuple):
    """A lock that somebody holds."""

    config: str
    holder: Holder
    # Why the next one need not care about it; empty: the next one does.
    ended: str


async def lock(daemon: Daemon, request: Lock, *, beats: bool = False) -> Locked:
    """Take the lock, then finish or undo what a killed run left.

    Raises:
        LockedError: Somebody holds it, lives, and their time is not over.
    """
    names, now = Names(request.stack), datetime.now(UTC)
    seconds = longest(request.stack, Proof()) + MARGIN if request.seconds is None else request.seconds
    holder = Holder(
        who=request.holder,
        why=request.reason,
        since=now,
        until=now + timedelta(seconds=seconds),
        token=secrets.token_hex(8),
        beats=beats,
    )
    took_over = await _take(daemon, names, request.stack.name, holder)
    recovered = await recover(daemon, request.stack, request.login)
    action = "" if recovered.action == "nothing" else recovered.action
    sentences = [f"locked by {request.holder}"]
    sentences += [f"took over the lock of {took_over}"] if took_over else []
    sentences += [recovered.message] if action else []
    return Locked(message="; ".join(sentences), token=holder.token, recovered=action, took_over=took_over)


async def unlock(daemon: Daemon, request: Unlock) -> Unlocked:
    """Open the lock that a token closed, or any when there is no token.

    Raises:
        LockedError: It is somebody else's, or a run that lives holds it and force was not asked for.
    """
    names = Names(request.stack)
    held = await held_by(daemon, names)
    if held:
        if request.token and request.token != held.holder.token:
            raise LockedError(f"the lock is not this run's any more: {held.holder}")
        if held.holder.beats and not (held.ended or request.token or request.force):
            raise LockedError(
                f"a run is at work on {names.namespace} this very moment: {held.holder}. Wait for it; to stop it and "
                f"open its lock all the same: ci call unlock --env {request.stack.name} --force"
            )
        await daemon.delete(f"/configs/{held.config}")
    await close_outpost(daemon, request.stack)
    return Unlocked(message="unlocked" if held else "was not locked", held_by=str(held.holder) if held else "")


async def held_by(daemon: Daemon, names: Names) -> Held | None:
    """Tell who holds the lock, if anybody does."""
    found = await find(daemon, "configs", names.full("lock"))
    if found is None:
        return None
    holder = Holder.model_validate_json(content(found))
    return Held(found["ID"], holder, await _ended(daemon, found, holder))


def described(held: Held) -> LockState:
    """Describe a lock for those who only look."""
    holder = held.holder
    return LockState(
        who=holder.who,
        why=holder.why,
        since=holder.since,
        until=holder.until,
        freeze=not holder.beats,
        holds=not held.ended,
    )


async def _take(daemon: Daemon, names: Names, environment: str, holder: Holder) -> str:
    """Take the lock, and tell from whom if it was somebody's."""
    try:
        await create(daemon, "configs", names, names.full("lock"), holder.model_dump_json())
    except TakenError:
        held = await held_by(daemon, names)
        if held and not held.ended:
            raise _refusal(names, environment, held.holder) from None
        # By its id: when two take over at once, only one of them removes it.
        if held and not await _removed(daemon, held.config):
            raise LockedError(f"{names.namespace} was just locked by somebody else: try again") from None
        further = await _take(daemon, names, environment, holder)
        return further or (f"{held.holder} ({held.ended})" if held else "")
    return ""


def _refusal(names: Names, environment: str, holder: Holder) -> LockedError:
    if holder.beats:
        return LockedError(f"a run is at work on {names.namespace}: {holder}. Wait for it")
    return FrozenError(
        f"{names.namespace} is locked by {holder}. Ask {holder.who}, or open it: ci call unlock --env {environment}"
    )


async def _removed(daemon: Daemon, config: str) -> bool:
    try:
        return await daemon.delete(f"/configs/{config}")
    except MissingError:
        return False


async def _ended(daemon: Daemon, config: Any, holder: Holder) -> str:  # noqa: ANN401 - as the daemon describes it
    if not holder.beats:
        return "" if holder.until > datetime.now(UTC) else "its time was over"
    # Both by the target's own clock, whatever the clocks of those who ask it.
    now, last = (await daemon.get("/info"))["SystemTime"], config["UpdatedAt"]
    silent = datetime.fromisoformat(now) - datetime.fromisoformat(last)
    if silent > SILENCE:
        return f"no sign of life for {silent.total_seconds():.0f} s"
    return "" if holder.until > datetime.fromisoformat(now) else "its time was over"
