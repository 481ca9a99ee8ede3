"""One deploy at a time: a config under a fixed name, which only one can create; whoever forgets it is taken over."""

import secrets
from datetime import UTC, datetime, timedelta
from typing import Any

from pydantic import BaseModel

from ci.targets.daemon import Daemon
from ci.targets.errors import LockedError, MissingError, TakenError
from ci.targets.protocol import Lock, Locked, Unlock, Unlocked
from ci.targets.swarm.names import Names
from ci.targets.swarm.objects import content, create, find
from ci.targets.swarm.outpost import close_outpost
from ci.targets.swarm.recovery import recover

# After so long without a sign of life a holder that promised them is dead.
SILENCE = timedelta(seconds=10)


class Holder(BaseModel):
    """Who holds the lock, why, and until when."""

    who: str
    why: str
    since: datetime
    until: datetime
    token: str
    # Whether the holder keeps saying that it lives; one that promised to and falls silent is dead.
    beats: bool = False

    def __str__(self) -> str:
        """Say it in words."""
        return f"{self.who} since {self.since:%Y-%m-%d %H:%M:%S} until {self.until:%H:%M:%S} UTC: {self.why}"


async def lock(daemon: Daemon, request: Lock, *, beats: bool = False) -> Locked:
    """Take the lock, then finish or undo what a killed run left.

    Raises:
        LockedError: Somebody holds it, lives, and their time is not over.
    """
    names, now = Names(request.stack), datetime.now(UTC)
    holder = Holder(
        who=request.holder,
        why=request.reason,
        since=now,
        until=now + timedelta(seconds=request.seconds),
        token=secrets.token_hex(8),
        beats=beats,
    )
    await _take(daemon, names, holder)
    recovered = await recover(daemon, request.stack, request.login)
    action = "" if recovered.action == "nothing" else recovered.action
    message = f"locked by {request.holder}" + (f"; {recovered.message}" if action else "")
    return Locked(message=message, token=holder.token, recovered=action)


async def unlock(daemon: Daemon, request: Unlock) -> Unlocked:
    """Open the lock that a token closed, or any when there is no token."""
    names = Names(request.stack)
    found = await find(daemon, "configs", names.full("lock"))
    if found:
        holder = Holder.model_validate_json(content(found))
        if request.token and request.token != holder.token:
            raise LockedError(f"the lock is not this run's any more: {holder}")
        await daemon.delete(f"/configs/{found['ID']}")
    await close_outpost(daemon, request.stack)
    return Unlocked(message="unlocked" if found else "was not locked")


async def held_by(daemon: Daemon, names: Names) -> str:
    """Say who holds the lock; empty: nobody."""
    found = await find(daemon, "configs", names.full("lock"))
    return str(Holder.model_validate_json(content(found))) if found else ""


async def _take(daemon: Daemon, names: Names, holder: Holder) -> None:
    try:
        await create(daemon, "configs", names, names.full("lock"), holder.model_dump_json())
    except TakenError:
        found = await find(daemon, "configs", names.full("lock"))
        if found is not None:
            other = Holder.model_validate_json(content(found))
            if other.until > datetime.now(UTC) and not await _is_dead(daemon, found, other):
                raise LockedError(
                    f"{names.namespace} is locked by {other}. Wait for it; if that run is dead, unlock it by hand"
                ) from None
            # By its id: when two take over at once, only one of them removes it.
            if not await _removed(daemon, found["ID"]):
                raise LockedError(f"{names.namespace} was just locked by somebody else: try again") from None
        await _take(daemon, names, holder)


async def _removed(daemon: Daemon, config: str) -> bool:
    try:
        return await daemon.delete(f"/configs/{config}")
    except MissingError:
        return False


async def _is_dead(daemon: Daemon, config: Any, holder: Holder) -> bool:  # noqa: ANN401 - as the daemon describes it
    if not holder.beats:
        return False
    # Both by the target's own clock, whatever the clocks of those who ask it.
    now, last = (await daemon.get("/info"))["SystemTime"], config["UpdatedAt"]
    return datetime.fromisoformat(now) - datetime.fromisoformat(last) > SILENCE
