"""ssh servers on this machine: one forwards Docker's socket, as another machine's would; one runs commands."""

import asyncio
from asyncio.subprocess import PIPE
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import asyncssh

DOCKER = "/var/run/docker.sock"
CONFIG = """
Host target
 HostName 127.0.0.1
 Port {port}
 User root
 IdentityFile {folder}/key
 UserKnownHostsFile {folder}/known
 StrictHostKeyChecking yes
 LogLevel ERROR
"""


@asynccontextmanager
async def a_host(folder: Path, address: str = "127.0.0.1") -> AsyncIterator[tuple[int, str, str]]:
    """Run a real ssh server that forwards Docker's socket alone: its port, its host key, and a key that opens it."""
    host, key = _make_keys(folder)

    class Server(asyncssh.SSHServer):
        def unix_connection_requested(self, dest_path: str) -> bool:
            return dest_path == DOCKER

    server = await asyncssh.create_server(
        Server, address, 0, server_host_keys=[host], authorized_client_keys=str(folder / "authorized")
    )
    async with server:
        yield server.get_port(), host.export_public_key().decode().strip(), key


@asynccontextmanager
async def a_shell(
    folder: Path, *, forced: str = "", env: Mapping[str, str] | None = None, cwd: str | None = None
) -> AsyncIterator[str]:
    """Run a real ssh server that runs commands: gives the configuration file with which ssh reaches it as `target`.

    `forced` is the command of the key in authorized_keys, whatever command a client names; empty: the client's.
    """
    host, _ = _make_keys(folder)
    if forced:
        authorized = folder / "authorized"
        authorized.write_text(f'restrict,command="{forced}" {authorized.read_text()}')

    async def run(process: "asyncssh.SSHServerProcess[bytes]") -> None:
        child = await asyncio.create_subprocess_shell(
            process.command or "false", stdin=PIPE, stdout=PIPE, stderr=PIPE, env=env, cwd=cwd
        )
        assert child.stdin
        assert child.stdout
        assert child.stderr
        forth = asyncio.create_task(_pump(process.stdin, child.stdin))
        await asyncio.gather(_pump(child.stdout, process.stdout), _pump(child.stderr, process.stderr))
        # A command that ended reads no more.
        forth.cancel()
        process.exit(await child.wait())

    server = await asyncssh.create_server(
        asyncssh.SSHServer,
        "127.0.0.1",
        0,
        server_host_keys=[host],
        authorized_client_keys=str(folder / "authorized"),
        process_factory=run,
        encoding=None,
    )
    async with server:
        known = f"[127.0.0.1]:{server.get_port()} {host.export_public_key().decode().strip()}\n"
        (folder / "known").write_text(known)
        (folder / "config").write_text(CONFIG.format(port=server.get_port(), folder=folder))
        yield str(folder / "config")


def _make_keys(folder: Path) -> tuple[asyncssh.SSHKey, str]:
    """Make a host's key and a user's key, whose public half is authorized."""
    host, user = asyncssh.generate_private_key("ssh-ed25519"), asyncssh.generate_private_key("ssh-ed25519")
    key = folder / "key"
    user.write_private_key(str(key))
    key.chmod(0o600)
    user.write_public_key(str(folder / "authorized"))
    return host, str(key)


async def _pump(
    source: "asyncssh.SSHReader[bytes] | asyncio.StreamReader", sink: "asyncssh.SSHWriter[bytes] | asyncio.StreamWriter"
) -> None:
    """Pass on what comes, until there is no more."""
    with suppress(BrokenPipeError, ConnectionResetError):
        while data := await source.read(1 << 16):
            sink.write(data)
            await sink.drain()
        sink.write_eof()
