"""The owner of a target's objects: an environment of an app, by the labels of each object.

The name of a stack does not tell: `a-b-dev` is environment `dev` of app `a-b`, or environment `b-dev` of app `a`.
"""

import asyncio
from collections.abc import Iterator, Mapping

from ci.targets.daemon import Daemon, Json
from ci.targets.errors import OwnedByOtherError
from ci.targets.swarm.names import APP, ENVIRONMENT, NAMESPACE, STACK, Names

# People may make these by hand, without a label: a network, a restored volume, a secret that was put back.
UNLABELED = frozenset({"network", "secret", "volume"})


async def check_owner(daemon: Daemon, names: Names) -> None:
    """Check that no object of the stack's name belongs to another owner; changes nothing.

    Raises:
        OwnedByOtherError: One does; the message names the object and both owners.
    """
    stack, secrets = names.with_name_of_stack
    found = await asyncio.gather(
        daemon.get("/services", filters=stack),
        daemon.get("/configs", filters=stack),
        daemon.get("/secrets", filters=secrets),
        daemon.get("/networks", filters=stack),
        daemon.get("/volumes", filters=stack),
    )
    for kind, name, labels in _objects(*found):
        raise_unless_owned(names, kind, name, labels)


def raise_unless_owned(names: Names, kind: str, name: str, labels: Mapping[str, str] | None) -> None:
    """Check one object that has a name of the stack's.

    Raises:
        OwnedByOtherError: The object belongs to another owner, or where `kind` needs a label, to nobody known.
    """
    labels = labels or {}
    environment = labels.get(ENVIRONMENT, "")
    if (not environment and kind in UNLABELED) or (environment, _app(labels)) == (names.environment, names.app):
        return
    owner = _describe(environment, _app(labels)) if environment else "something else than this pipeline"
    raise OwnedByOtherError(
        f"the {kind} {name} belongs to {owner}, not to {_describe(names.environment, names.app)}: rename one of them "
        f"in its pipeline.toml, or use another target; nothing was changed"
    )


def is_owned(names: Names, labels: Mapping[str, str] | None) -> bool:
    """Return whether an object with the stack's name belongs to the stack's owner, or to nobody else."""
    environment = (labels or {}).get(ENVIRONMENT, "")
    return not environment or (environment, _app(labels or {})) == (names.environment, names.app)


def _objects(
    services: list[Json], configs: list[Json], secrets: list[Json], networks: list[Json], volumes: Json
) -> Iterator[tuple[str, str, Mapping[str, str]]]:
    for kind, items in (("service", services), ("config", configs), ("secret", secrets)):
        yield from ((kind, item["Spec"]["Name"], item["Spec"]["Labels"]) for item in items)
    for kind, items in (("network", networks), ("volume", volumes["Volumes"] or [])):
        yield from ((kind, item["Name"], item["Labels"]) for item in items)


def _app(labels: Mapping[str, str]) -> str:
    # Objects of earlier versions have no label of their own for the app.
    namespace = labels.get(NAMESPACE) or labels.get(STACK, "")
    return labels.get(APP) or namespace.removesuffix(f"-{labels.get(ENVIRONMENT, '')}")


def _describe(environment: str, app: str) -> str:
    return f"environment {environment} of app {app}"
