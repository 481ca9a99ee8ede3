"""The stack's networks, secrets and configs."""

import base64
from collections.abc import Mapping

from ci.targets.daemon import Daemon, Json
from ci.targets.errors import ConflictError, NotFoundError
from ci.targets.swarm.names import Names
from ci.targets.swarm.owners import raise_unless_owned
from ci.targets.swarm.specs import Reference, Spec


async def ensure_network(daemon: Daemon, names: Names, spec: Spec) -> None:
    """Make a network unless there is one of that name; raises OwnedByOtherError where that is another owner's."""
    try:
        found = await daemon.get(f"/networks/{spec['Name']}")
    except NotFoundError:
        await daemon.post("/networks/create", spec)
    else:
        raise_unless_owned(names, "network", spec["Name"], found["Labels"])


async def find(daemon: Daemon, kind: str, names: Names, name: str) -> Json | None:
    """Find a secret or a config (`kind` is `secrets` or `configs`) by its whole name.

    Raises:
        OwnedByOtherError: The one of that name belongs to another owner.
    """
    listed = await daemon.get(f"/{kind}", filters={"name": [name]})
    found = next((item for item in listed if item["Spec"]["Name"] == name), None)
    if found:
        raise_unless_owned(names, kind.removesuffix("s"), name, found["Spec"]["Labels"])
    return found


async def create(
    daemon: Daemon, kind: str, names: Names, name: str, data: str | bytes, labels: Mapping[str, str] | None = None
) -> Reference:
    """Make a secret or a config.

    Raises:
        ConflictError: There is one of that name.
    """
    of_stack = names.secret_labels if kind == "secrets" else names.labels
    encoded = base64.b64encode(data.encode() if isinstance(data, str) else data).decode()
    body = {"Name": name, "Labels": {**of_stack, **(labels or {})}, "Data": encoded}
    made = await daemon.post(f"/{kind}/create", body)
    return Reference(made["ID"], name)


async def ensure(daemon: Daemon, kind: str, names: Names, name: str, data: str) -> Reference:
    """Make a secret or a config unless there is one of that name."""
    if found := await find(daemon, kind, names, name):
        return Reference(found["ID"], name)
    try:
        return await create(daemon, kind, names, name, data)
    except ConflictError:
        return await ensure(daemon, kind, names, name, data)


def content(config: Json) -> str:
    """Return what a config holds."""
    return base64.b64decode(config["Spec"]["Data"]).decode()
