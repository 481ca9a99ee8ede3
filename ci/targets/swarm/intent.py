"""What a run is about to change, written down in the target first: the next run finishes or undoes it after a kill."""

from datetime import UTC, datetime

from pydantic import BaseModel

from ci.targets.daemon import Daemon
from ci.targets.errors import TakenError
from ci.targets.swarm.names import Names
from ci.targets.swarm.objects import content, create, find


class Intent(BaseModel):
    """A deploy under way: from the release that serves (empty: none does) to its candidate."""

    origin: str
    candidate: str
    since: str
    # Whether the candidate served and had proven itself before: a rollback, which the next run finishes.
    rollback: bool = False

    def __str__(self) -> str:
        """Say it in words."""
        return f"{self.origin or 'nothing'} → {self.candidate} since {self.since}"


async def record(daemon: Daemon, names: Names, origin: str, candidate: str, *, rollback: bool = False) -> None:
    """Write down what is about to happen, over what was written before."""
    since = datetime.now(UTC).isoformat(timespec="seconds")
    intent = Intent(origin=origin, candidate=candidate, since=since, rollback=rollback)
    try:
        await create(daemon, "configs", names, names.full("intent"), intent.model_dump_json())
    except TakenError:
        await clear(daemon, names)
        await create(daemon, "configs", names, names.full("intent"), intent.model_dump_json())


async def read(daemon: Daemon, names: Names) -> Intent | None:
    """Return what is written down, if anything is."""
    found = await find(daemon, "configs", names.full("intent"))
    return Intent.model_validate_json(content(found)) if found else None


async def clear(daemon: Daemon, names: Names) -> None:
    """Forget it: what was intended is done or undone."""
    if found := await find(daemon, "configs", names.full("intent")):
        await daemon.delete(f"/configs/{found['ID']}")
