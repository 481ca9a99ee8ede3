"""The removal of a stack with its services and its data."""

import asyncio
import time

from ci.targets.daemon import Daemon
from ci.targets.errors import DaemonError, TimedOutError
from ci.targets.stack import Stack
from ci.targets.swarm.names import Names
from ci.targets.swarm.owners import is_owned
from ci.targets.swarm.services import services
from ci.targets.swarm.specs import HELPER

REMOVAL_TIMEOUT = 90


async def remove_stack(daemon: Daemon, stack: Stack) -> None:
    """Remove the stack and its data; nothing of it is left on this node."""
    names = Names(stack)
    helpers = {"label": [f"{HELPER}={names.namespace}", *(f"{key}={value}" for key, value in names.owner.items())]}
    for container in await daemon.get("/containers/json", all="1", filters=helpers):
        await _try_to_remove(daemon, f"/containers/{container['Id']}", force="1")
    for service in (await services(daemon, names)).values():
        await daemon.delete(f"/services/{service['ID']}")
    for kind, filters in (("configs", names.of_stack), ("secrets", names.secrets_of_stack)):
        for item in await daemon.get(f"/{kind}", filters=filters):
            await daemon.delete(f"/{kind}/{item['ID']}")
    end = time.monotonic() + REMOVAL_TIMEOUT
    while left := await _remove_leftovers(daemon, names):
        if time.monotonic() > end:
            raise TimedOutError(f"still there after {REMOVAL_TIMEOUT} s: {', '.join(left)}")
        await asyncio.sleep(0.2)


async def _remove_leftovers(daemon: Daemon, names: Names) -> list[str]:
    """Remove what can be removed now, and name what cannot yet: containers end after their service is gone."""
    if containers := await daemon.get("/containers/json", all="1", filters=names.of_stack):
        # Swarm lets its containers lie for some seconds after they ended.
        ended = [container for container in containers if container["State"] in {"exited", "dead"}]
        await asyncio.gather(*(_try_to_remove(daemon, f"/containers/{container['Id']}") for container in ended))
        return [str(container["Names"][0]) for container in containers]
    # People may have made a network or a volume by hand, without a label of the owner.
    stack, _ = names.with_name_of_stack
    networks = [
        item["Name"] for item in await daemon.get("/networks", filters=stack) if is_owned(names, item["Labels"])
    ]
    listed = (await daemon.get("/volumes", filters=stack))["Volumes"] or []
    volumes = [item["Name"] for item in listed if is_owned(names, item["Labels"])]
    paths = [*(f"/networks/{name}" for name in networks), *(f"/volumes/{name}" for name in volumes)]
    return [path for path in paths if not await _try_to_remove(daemon, path)]


async def _try_to_remove(daemon: Daemon, path: str, **params: str) -> bool:
    try:
        await daemon.delete(path, **params)
    except DaemonError:
        return False
    return True
