"""An ssh server on this machine, through which its Docker is reached as another machine's would be."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import asyncssh

DOCKER = "/var/run/docker.sock"


@asynccontextmanager
async def a_host(folder: Path, address: str = "127.0.0.1") -> AsyncIterator[tuple[int, str, str]]:
    """Run a real ssh server that forwards Docker's socket alone: its port, its host key, and a key that opens it."""
    host, user = asyncssh.generate_private_key("ssh-ed25519"), asyncssh.generate_private_key("ssh-ed25519")
    key = folder / "key"
    user.write_private_key(str(key))
    user.write_public_key(str(folder / "authorized"))

    class Server(asyncssh.SSHServer):
        def unix_connection_requested(self, dest_path: str) -> bool:
            return dest_path == DOCKER

    server = await asyncssh.create_server(
        Server, address, 0, server_host_keys=[host], authorized_client_keys=str(folder / "authorized")
    )
    async with server:
        yield server.get_port(), host.export_public_key().decode().strip(), str(key)
