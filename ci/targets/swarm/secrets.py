"""What a service must know and nobody else may: Swarm secrets, one object for each value that a secret had.

Swarm's secrets cannot be changed, and the daemon never tells what they hold.
"""

import asyncio
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ci.settings.values import file_name
from ci.targets.access import is_file
from ci.targets.daemon import Daemon
from ci.targets.errors import LackingError, RefusedError, TakenError
from ci.targets.protocol import ListSecrets, PutSecret, SecretPut, SecretsListed, SecretState, SecretVersion, Stack
from ci.targets.swarm import names as n
from ci.targets.swarm.names import Names
from ci.targets.swarm.objects import create
from ci.targets.swarm.services import Service, services
from ci.targets.swarm.specs.parts import Reference

# Swarm's own limits: bytes of a value, characters of an object's name.
LARGEST = 500_000
LONGEST = 64


@dataclass(frozen=True, order=True)
class Value:
    """One value of a secret, as an object of the swarm."""

    version: int
    id: str
    object_name: str
    since: str


async def put_secret(daemon: Daemon, request: PutSecret) -> SecretPut:
    """Set or rotate a secret; the value before stays for whoever reads it, or is about to."""
    stack, names, data = request.stack, Names(request.stack), _value(request)
    try:
        file_name(request.name)
    except ValueError as error:
        raise RefusedError(f"{request.name}: cannot be a secret's name: it {error}") from error
    if request.name == n.DATABASE_PASSWORD:
        raise RefusedError(f"{request.name}: is the stack's own, and the database in it knows no other: use a new name")
    there = (await values(daemon, names)).get(request.name, [])
    version = await _create(daemon, names, request.name, data, there[-1].version + 1 if there else 1)
    # A deploy that is under way may have chosen the newest before this one and not yet begun to read it.
    removed = await _removed(daemon, names, there[:-1])
    wanted = request.name in n.wanted_secrets(stack)
    then = (
        f"releases read it from the next deploy on: ci call deploy --env {stack.name}"
        if wanted
        else f"no release reads it: add it to secrets in [environments.{stack.name}]"
    )
    return SecretPut(
        message=f"{request.name} has its value number {version}; {then}",
        name=request.name,
        version=version,
        removed=tuple(removed),
    )


async def list_secrets(daemon: Daemon, request: ListSecrets) -> SecretsListed:
    """Tell what is there, and who reads it."""
    names, wanted = Names(request.stack), n.wanted_secrets(request.stack)
    there, running = await asyncio.gather(values(daemon, names), services(daemon, names))
    readers = _readers(running)
    secrets = tuple(
        SecretState(
            name=name,
            wanted=name in wanted,
            versions=tuple(
                SecretVersion(version=value.version, since=value.since, releases=tuple(sorted(readers[value.id])))
                for value in there.get(name, [])
            ),
        )
        for name in sorted({*wanted, *there})
    )
    missing = [secret.name for secret in secrets if secret.wanted and not secret.versions]
    message = advice(request.stack, missing) if missing else f"{len(secrets)} secrets"
    return SecretsListed(ok=not missing, message=message, secrets=secrets)


async def newest(daemon: Daemon, stack: Stack) -> tuple[Reference, ...]:
    """Return the newest value of every secret that the settings name.

    Raises:
        LackingError: One was never set.
    """
    wanted = n.wanted_secrets(stack)
    there = await values(daemon, Names(stack)) if wanted else {}
    if missing := [name for name in wanted if name not in there]:
        raise LackingError(advice(stack, missing))
    return tuple(Reference(there[name][-1].id, there[name][-1].object_name, name) for name in wanted)


async def forget_old(daemon: Daemon, names: Names) -> list[int]:
    """Remove the values that are not the newest and that no release reads."""
    old = [value for there in (await values(daemon, names)).values() for value in there[:-1]]
    return await _removed(daemon, names, old)


async def values(daemon: Daemon, names: Names) -> dict[str, list[Value]]:
    """Return every value of the stack's secrets by their names, the newest last."""
    found: dict[str, list[Value]] = defaultdict(list)
    for item in await daemon.get("/secrets", filters=names.secrets_of_stack):
        spec: dict[str, Any] = item["Spec"]
        if name := spec["Labels"].get(n.SECRET):
            value = Value(int(spec["Labels"][n.SECRET_VERSION]), item["ID"], spec["Name"], item["CreatedAt"])
            found[name].append(value)
    return {name: sorted(there) for name, there in found.items()}


def advice(stack: Stack, missing: Iterable[str]) -> str:
    """Say which secrets were never set, and what to do about it."""
    commands = "; ".join(f"ci call secrets-set --env {stack.name} --name {name} --value …" for name in missing)
    return f"never set: {', '.join(missing)}: {commands}"


def _value(request: PutSecret) -> bytes:
    if not is_file(request.value_file):
        raise LackingError(f"{request.value_file}: there is no such file in this step: mount the secret there")
    data = Path(request.value_file).read_bytes()
    if not data or len(data) > LARGEST:
        raise RefusedError(f"{request.name}: a secret holds 1 to {LARGEST} bytes (is {len(data)})")
    return data


async def _create(daemon: Daemon, names: Names, name: str, data: bytes, version: int) -> int:
    full = names.full(f"{name}.{version}")
    if len(full) > LONGEST:
        raise RefusedError(f"{full}: Swarm takes {LONGEST} characters at most: use a shorter name for the secret")
    try:
        await create(daemon, "secrets", names, full, data, {n.SECRET: name, n.SECRET_VERSION: str(version)})
    except TakenError:
        # Somebody else rotated it this very moment.
        return await _create(daemon, names, name, data, version + 1)
    return version


async def _removed(daemon: Daemon, names: Names, old: Iterable[Value]) -> list[int]:
    readers, removed = _readers(await services(daemon, names)), []
    for value in old:
        if readers[value.id]:
            continue
        try:
            await daemon.delete(f"/secrets/{value.id}")
        except RefusedError:
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
