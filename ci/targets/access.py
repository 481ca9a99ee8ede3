"""The way to a target: a unix socket, or one that ssh brings here."""

import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from urllib.parse import urlsplit

from ci.settings import Target
from ci.targets.daemon import Daemon
from ci.targets.errors import LackingError, UnreachableError
from ci.targets.protocol import Access


@asynccontextmanager
async def reach(target: Target, access: Access) -> AsyncIterator[Daemon]:
    """Connect to the target's daemon.

    Raises:
        UnreachableError: It does not answer, or its host key is not among the known ones.
        LackingError: What opens the way is missing here.
    """
    if target.is_ssh:
        async with _forwarded(target, access) as socket, Daemon.connect(socket, target.address) as daemon:
            yield daemon
        return
    if not _is_socket(access.socket):
        raise UnreachableError(
            f"{access.socket}: there is no Docker socket: start Docker, or give the socket (DOCKER in .env, --docker)"
        )
    async with Daemon.connect(access.socket, access.socket) as daemon:
        yield daemon


@asynccontextmanager
async def _forwarded(target: Target, access: Access) -> AsyncIterator[str]:
    # Half a second of imports, and only for this kind of target.
    import asyncssh  # noqa: PLC0415

    url = urlsplit(target.address)
    where = f"{target.address}: "
    if not is_file(access.key_file):
        raise LackingError(f"{where}needs a private key: give it (SSH_KEY in .env, --ssh-key)")
    try:
        connection = await asyncssh.connect(
            url.hostname or "",
            url.port or 22,
            username=url.username or "root",
            client_keys=[access.key_file],
            known_hosts=asyncssh.import_known_hosts(target.known_hosts),
            agent_path=None,
            config=None,
            connect_timeout=20,
        )
    except asyncssh.HostKeyNotVerifiable as error:
        raise UnreachableError(
            f"{where}the host's key is not the one in known_hosts: somebody may be in between; if the host was "
            f"reinstalled, put its new key into the settings ({error})"
        ) from error
    except (asyncssh.Error, OSError) as error:
        raise UnreachableError(f"{where}cannot connect over ssh: {error}") from error
    async with connection:
        with tempfile.TemporaryDirectory() as folder:
            socket = f"{folder}/docker.sock"
            async with connection.forward_local_path(socket, url.path or "/var/run/docker.sock"):
                yield socket


def is_file(path: str) -> bool:
    """Tell whether a file is there, in this step."""
    return Path(path).is_file()


def _is_socket(path: str) -> bool:
    return Path(path).is_socket()
