"""The way to a Docker daemon: a unix socket, or a socket that ssh forwards."""

import tempfile
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from ci.frozen import FrozenModel
from ci.progress import write_progress
from ci.settings import Environment, Target
from ci.targets.daemon import Daemon
from ci.targets.errors import DaemonError, NotReadyError, TargetError, UnreachableError

if TYPE_CHECKING:
    import asyncssh

DOCKER_SOCKET = "/var/run/docker.sock"


class Access(FrozenModel):
    """The files of this process that open the way to a target."""

    socket: str = DOCKER_SOCKET
    # The private key for ssh://; empty: there is none.
    key_file: str = ""


@asynccontextmanager
async def reach(environment: Environment, access: Access) -> AsyncIterator[Daemon]:
    """Connect to the environment's target, or to another manager where the target does not answer.

    Raises:
        UnreachableError: No manager answers with a known host key.
        NotReadyError: The private key or the known hosts are missing.
    """
    async with AsyncExitStack() as stack:
        yield await _connect_first(stack, managers(environment), access)


def managers(environment: Environment) -> list[Target]:
    """Return the addresses of an environment's swarm: the target first, then the other managers."""
    target, hosts = environment.target, environment.hosts.values()
    if not target.is_ssh:
        return [target]
    others = [host for host in hosts if host.role == "manager" and host.address != target.address]
    return [target, *(Target(address=host.address, known_hosts=host.known_hosts) for host in others)]


async def _connect_first(stack: AsyncExitStack, ways: list[Target], access: Access) -> Daemon:
    """Connect to the first manager that reaches the swarm's leader, else to the first one that answers."""
    answering: list[Daemon] = []
    errors: list[TargetError] = []
    for way in ways:
        try:
            answering.append(await stack.enter_async_context(_connect(way, access)))
            # A manager without a connection to the others answers, but cannot change the swarm.
            if len(ways) == 1 or await answering[-1].get("/swarm"):
                return answering[-1]
        except (UnreachableError, DaemonError) as error:
            errors.append(error)
            if len(ways) > 1:
                write_progress(f"{error}: trying the next manager")
    if answering:
        return answering[0]
    raise UnreachableError("; ".join(str(error) for error in errors)) from errors[0]


@asynccontextmanager
async def _connect(target: Target, access: Access) -> AsyncIterator[Daemon]:
    if target.is_ssh:
        async with _forward_socket(target, access) as socket, Daemon.connect(socket, target.address) as daemon:
            yield daemon
        return
    if not _is_socket(access.socket):
        raise UnreachableError(
            f"{access.socket}: there is no Docker socket: start Docker, or pass the socket (DOCKER in .env, --docker)"
        )
    async with Daemon.connect(access.socket, access.socket) as daemon:
        yield daemon


@asynccontextmanager
async def _forward_socket(target: Target, access: Access) -> AsyncIterator[str]:
    async with ssh(target.address, target.known_hosts, access) as connection:
        with tempfile.TemporaryDirectory() as folder:
            socket = f"{folder}/docker.sock"
            async with connection.forward_local_path(socket, urlsplit(target.address).path or DOCKER_SOCKET):
                yield socket


@asynccontextmanager
async def ssh(address: str, known_hosts: str, access: Access) -> AsyncIterator["asyncssh.SSHClientConnection"]:
    """Connect to a host whose key is among the known ones.

    Raises:
        UnreachableError: It does not answer, does not take the private key, or its own key is missing or another.
        NotReadyError: There is no private key, or the known hosts cannot be read.
    """
    # Half a second of imports, and only for this kind of target.
    import asyncssh  # noqa: PLC0415 - half a second, and only for ssh:// targets

    url = urlsplit(address)
    if not is_file(access.key_file):
        raise NotReadyError(f"{address}: needs a private key: give it (SSHKEY in .env, --ssh-key)")
    try:
        connection = await asyncssh.connect(
            url.hostname or "",
            url.port or 22,
            username=url.username or "root",
            client_keys=[access.key_file],
            known_hosts=asyncssh.import_known_hosts(known_hosts),
            agent_path=None,
            config=None,
            connect_timeout=20,
            # Without this, work on a host that lost its network would wait for ever.
            keepalive_interval=10,
        )
    except asyncssh.HostKeyNotVerifiable as error:
        raise UnreachableError(
            f"{address}: the host's key is not the one in known_hosts: another machine may answer in its place; if the "
            f"host was reinstalled, put its new key into the settings ({error})"
        ) from error
    except (asyncssh.Error, OSError) as error:
        raise UnreachableError(f"{address}: cannot connect over ssh: {error}") from error
    except ValueError as error:
        raise NotReadyError(f"{address}: its private key or its known_hosts cannot be read: {error}") from error
    async with connection:
        yield connection


def is_file(path: str) -> bool:
    """Return whether a file exists in this process's file system."""
    return Path(path).is_file()


def _is_socket(path: str) -> bool:
    return Path(path).is_socket()
