"""What a service must know and nobody else may: Swarm secrets, one object for each value that a secret had.

Swarm's secrets cannot be changed, and the daemon never tells what they hold.
"""

import asyncio
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from ci.settings.values import file_name
from ci.targets.daemon import Daemon
from ci.targets.errors import ConflictError, DaemonError, NotReadyError
from ci.targets.stack import Stack
from ci.targets.swarm import names as n
from ci.targets.swarm.names import Names
from ci.targets.swarm.objects import create
from ci.targets.swarm.services import Service, services
from ci.targets.swarm.specs.parts import Reference
from ci.targets.target import SecretState, SecretVersion

# Swarm's own limits: bytes of a value, characters of an object's name.
MAX_BYTES = 500_000
MAX_NAME_LENGTH = 64


@dataclass(frozen=True, order=True)
class Value:
    """One value of a secret, as an object of the swarm."""

    version: int
    id: str
    object_name: str
    since: str


async def set_secret(daemon: Daemon, stack: Stack, name: str, data: bytes) -> int:
    """Set or rotate a secret and return the new value's number; releases keep the value that they read.

    Raises:
        DaemonError: The name or the value cannot be a secret's.
    """
    names = Names(stack)
    if not data or len(data) > MAX_BYTES:
        raise DaemonError(f"{name}: a secret holds 1 to {MAX_BYTES} bytes (is {len(data)})")
    try:
        file_name(name)
    except ValueError as error:
        raise DaemonError(f"{name}: cannot be a secret's name: it {error}") from error
    if name == n.DATABASE_PASSWORD:
        raise DaemonError(f"{name}: is the stack's own, and the database knows no other: use a new name")
    known = (await values(daemon, names)).get(name, [])
    version = await _create(daemon, names, name, data, known[-1].version + 1 if known else 1)
    # A delivery at work may have chosen the newest value before this one and not yet begun to read it.
    await _remove_unread(daemon, names, known[:-1])
    return version


async def list_secrets(daemon: Daemon, stack: Stack) -> tuple[SecretState, ...]:
    """List the secrets that exist or that the settings name, and which releases read them."""
    names, declared = Names(stack), n.declared_secrets(stack)
    known, running = await asyncio.gather(values(daemon, names), services(daemon, names))
    readers = _readers(running)
    return tuple(
        SecretState(
            name=name,
            declared=name in declared,
            versions=tuple(
                SecretVersion(version=value.version, since=value.since, releases=tuple(sorted(readers[value.id])))
                for value in known.get(name, [])
            ),
        )
        for name in sorted({*declared, *known})
    )


async def newest_values(daemon: Daemon, stack: Stack) -> tuple[Reference, ...]:
    """Return the newest value of every secret that the settings name.

    Raises:
        NotReadyError: One was never set.
    """
    wanted = n.declared_secrets(stack)
    there = await values(daemon, Names(stack)) if wanted else {}
    if missing := [name for name in wanted if name not in there]:
        raise NotReadyError(missing_secrets_hint(stack, missing))
    return tuple(Reference(there[name][-1].id, there[name][-1].object_name, name) for name in wanted)


async def remove_old_values(daemon: Daemon, names: Names) -> list[int]:
    """Remove the values that are not the newest and that no release reads."""
    old = [value for there in (await values(daemon, names)).values() for value in there[:-1]]
    return await _remove_unread(daemon, names, old)


async def values(daemon: Daemon, names: Names) -> dict[str, list[Value]]:
    """Return every value of the stack's secrets by their names, the newest last."""
    found: dict[str, list[Value]] = defaultdict(list)
    for item in await daemon.get("/secrets", filters=names.secrets_of_stack):
        spec: dict[str, Any] = item["Spec"]
        if name := spec["Labels"].get(n.SECRET):
            value = Value(int(spec["Labels"][n.SECRET_VERSION]), item["ID"], spec["Name"], item["CreatedAt"])
            found[name].append(value)
    return {name: sorted(there) for name, there in found.items()}


def missing_secrets_hint(stack: Stack, missing: Iterable[str]) -> str:
    """Say which secrets were never set, and what to do about it."""
    commands = "; ".join(f"ci call secrets set --env {stack.name} --name {name} --value …" for name in missing)
    return f"never set: {', '.join(missing)}: {commands}"


async def _create(daemon: Daemon, names: Names, name: str, data: bytes, version: int) -> int:
    full = names.full(f"{name}.{version}")
    if len(full) > MAX_NAME_LENGTH:
        raise DaemonError(
            f"{full}: Swarm takes {MAX_NAME_LENGTH} characters at most: use a shorter name for the secret"
        )
    try:
        await create(daemon, "secrets", names, full, data, {n.SECRET: name, n.SECRET_VERSION: str(version)})
    except ConflictError:
        # Somebody else rotated it this very moment.
        return await _create(daemon, names, name, data, version + 1)
    return version


async def _remove_unread(daemon: Daemon, names: Names, old: Iterable[Value]) -> list[int]:
    readers, removed = _readers(await services(daemon, names)), []
    for value in old:
        if readers[value.id]:
            continue
        try:
            await daemon.delete(f"/secrets/{value.id}")
        except DaemonError:
            # A release began to read it meanwhile.
            continue
        removed.append(value.version)
    return removed


def _readers(running: dict[str, Service]) -> defaultdict[str, set[str]]:
    readers: defaultdict[str, set[str]] = defaultdict(set)
    for name, service in running.items():
        for secret in service["Spec"]["TaskTemplate"]["ContainerSpec"].get("Secrets") or []:
            readers[secret["SecretID"]].add(name)
    return readers
