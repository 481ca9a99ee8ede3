"""The intent of a stack: a config under a fixed name."""

from ci.targets.daemon import Daemon
from ci.targets.errors import ConflictError
from ci.targets.swarm.names import Names
from ci.targets.swarm.objects import content, create, find
from ci.targets.target import Intent


async def write_intent(daemon: Daemon, names: Names, intent: Intent) -> None:
    """Store the intent, in place of an earlier one."""
    try:
        await create(daemon, "configs", names, names.full("intent"), intent.model_dump_json())
    except ConflictError:
        await clear_intent(daemon, names)
        await create(daemon, "configs", names, names.full("intent"), intent.model_dump_json())


async def read_intent(daemon: Daemon, names: Names) -> Intent | None:
    """Return the intent; None: there is none."""
    found = await find(daemon, "configs", names, names.full("intent"))
    return Intent.model_validate_json(content(found)) if found else None


async def clear_intent(daemon: Daemon, names: Names) -> None:
    """Remove the intent."""
    if found := await find(daemon, "configs", names, names.full("intent")):
        await daemon.delete(f"/configs/{found['ID']}")
