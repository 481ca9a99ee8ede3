"""The shared parts of a stack: networks, database and edge, created when they are missing or changed."""

import asyncio
import secrets as randomness
from dataclasses import dataclass, replace
from functools import partial

from ci.hints import find_hint
from ci.targets.daemon import Daemon
from ci.targets.errors import NotFoundError, NotReadyError
from ci.targets.stack import RegistryLogin, Stack
from ci.targets.swarm import names as n
from ci.targets.swarm import specs
from ci.targets.swarm.edge import routing_labels
from ci.targets.swarm.health import wait_until_healthy
from ci.targets.swarm.images import auth_header, pin_image
from ci.targets.swarm.names import Names
from ci.targets.swarm.nodes import usable_nodes
from ci.targets.swarm.objects import create, ensure, ensure_network, find
from ci.targets.swarm.secrets import newest_values
from ci.targets.swarm.services import Service, services, update
from ci.targets.swarm.services import create as create_service


@dataclass(frozen=True)
class SharedParts:
    """The secrets for the description of a new release."""

    secrets: tuple[specs.Reference, ...]


# Seconds that the edge and the database may take to start: a new database creates its files first.
TIMEOUT = 120


async def prepare_shared_parts(daemon: Daemon, stack: Stack, login: RegistryLogin) -> SharedParts:
    """Create or change the networks, the edge and the database, and wait until they run."""
    names = Names(stack)
    auth = auth_header(login, stack.registry.repository)
    caddy, there, info, secrets, _ = await asyncio.gather(
        pin_image(daemon, stack, stack.images.caddy, login),
        services(daemon, names),
        daemon.get("/info"),
        newest_values(daemon, stack),
        ensure_network(daemon, names, specs.network(names, names.network, internal=False)),
    )
    start = await ensure_edge_start(daemon, stack, names)
    edge = specs.edge_service(stack, caddy, start, specs.edge_sysctls(info["KernelVersion"]))
    bring_up = partial(_bring_up, daemon, names, there, auth)
    if not n.has_own_database(stack):
        await bring_up(edge)
        return SharedParts(secrets)
    await ensure_network(daemon, names, specs.network(names, names.data_network, internal=True))
    password, url = await _database_secrets(daemon, names)
    image = await pin_image(daemon, stack, stack.images.postgres, login)
    await asyncio.gather(bring_up(edge), bring_up(specs.database(stack, image, password)))
    return SharedParts((*secrets, url))


async def ensure_edge_start(daemon: Daemon, stack: Stack, names: Names) -> specs.Reference:
    """Create the configuration of a new edge; configs cannot be changed, so its name holds its hash."""
    text = specs.edge_start(stack)
    return await ensure(
        daemon, "configs", names, names.full(f"{specs.EDGE_START}-{specs.digest_of({'': text})[:8]}"), text
    )


async def _bring_up(daemon: Daemon, names: Names, there: dict[str, Service], auth: str, spec: specs.Spec) -> None:
    service = there.get(names.short(spec["Name"]))
    if service is None:
        await create_service(daemon, spec, auth)
    elif service["Spec"]["Mode"].keys() != spec["Mode"].keys():
        # Swarm cannot change a service's mode: the service is created anew, and its volumes stay.
        await daemon.delete(f"/services/{service['ID']}")
        await create_service(daemon, specs.with_labels(spec, **routing_labels({n.EDGE: service})), auth)
    elif service["Spec"]["Labels"].get(n.SPEC) != spec["Labels"][n.SPEC]:
        await update(daemon, service, specs.with_labels(spec, **routing_labels({n.EDGE: service})), auth)
    replicas = len(usable_nodes(await daemon.get("/nodes"))) if "Global" in spec["Mode"] else 1
    health = await wait_until_healthy(daemon, spec["Name"], replicas, TIMEOUT)
    if not health.ok:
        message = f"{spec['Name']} does not start: {health.reason}\n{health.logs}".rstrip()
        raise NotReadyError("\n".join(filter(None, [message, find_hint(message)])))


async def _database_secrets(daemon: Daemon, names: Names) -> list[specs.Reference]:
    """Create the password and the URL with the password, once; the URL first: no other object keeps the password."""
    password_name, url_name = names.full(n.DATABASE_PASSWORD), names.full(n.DATABASE_URL)
    password, url = await asyncio.gather(
        find(daemon, "secrets", names, password_name), find(daemon, "secrets", names, url_name)
    )
    if password and url:
        return [
            specs.Reference(password["ID"], password_name),
            specs.Reference(url["ID"], url_name, n.DATABASE_URL),
        ]
    if password:
        raise NotReadyError(
            f"the secret {url_name} is gone, and only it holds the database's password: put it back, or remove "
            f"{password_name} and the database's volume to begin anew"
        )
    if not url and await _exists(daemon, names.full(n.DATABASE_VOLUME)):
        raise NotReadyError(
            f"the volume {names.full(n.DATABASE_VOLUME)} holds a database whose password went with the secret "
            f"{url_name}: put that back, or begin anew with 'docker volume rm {names.full(n.DATABASE_VOLUME)}'"
        )
    if url:
        # A run that was killed between the two: no database has seen this password yet.
        await daemon.delete(f"/secrets/{url['ID']}")
    value = randomness.token_urlsafe(24)
    made = await create(daemon, "secrets", names, url_name, specs.database_url(value))
    return [await create(daemon, "secrets", names, password_name, value), replace(made, file=n.DATABASE_URL)]


async def _exists(daemon: Daemon, volume: str) -> bool:
    try:
        await daemon.get(f"/volumes/{volume}")
    except NotFoundError:
        return False
    return True
