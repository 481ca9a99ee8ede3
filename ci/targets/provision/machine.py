"""One host, reached over ssh: its shell, and its Docker daemon's API."""

import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from ci.frozen import FrozenModel
from ci.progress import write_progress
from ci.settings import Host
from ci.targets.access import DOCKER_SOCKET, Access, ssh
from ci.targets.daemon import Daemon
from ci.targets.errors import DaemonError, NotReadyError, UnreachableError

if TYPE_CHECKING:
    import asyncssh

What = Literal["docker", "registry CA", "swarm", "role", "labels"]
KEPT_LINES = 15


class Prepared(FrozenModel):
    """One thing that was checked on one host, and what was done about it."""

    host: str
    what: What
    changed: bool
    message: str


@dataclass
class Machine:
    """A host that answers."""

    name: str
    host: Host
    connection: "asyncssh.SSHClientConnection"
    steps: list[Prepared] = field(default_factory=list)

    @classmethod
    @asynccontextmanager
    async def connect(cls, name: str, host: Host, access: Access) -> AsyncIterator["Machine"]:
        """Connect as a user who may change the host.

        Raises:
            UnreachableError: It does not answer, or its key is not the known one.
            NotReadyError: The user is not root.
        """
        async with ssh(host.address, host.known_hosts, access) as connection:
            machine = cls(name, host, connection)
            if await machine.run("id -u") != "0":
                raise NotReadyError(f"{name}: {host.address}: preparing a host needs root there: use ssh://root@…")
            yield machine

    async def run(self, script: str, given: str = "") -> str:
        """Run a shell script and return what it prints.

        Raises:
            DaemonError: It failed; the message ends with its last lines.
        """
        done = await self._do(f"set -eu\n{script}", given)
        if done.exit_status:
            output = "\n".join(f"{done.stdout!s}{done.stderr!s}".strip().splitlines()[-KEPT_LINES:])
            raise DaemonError(f"{self.name}: a command failed there (exit code {done.exit_status}): {output}")
        return str(done.stdout).strip()

    async def succeeds(self, script: str) -> bool:
        """Return whether a shell script succeeds."""
        return (await self._do(script)).exit_status == 0

    @asynccontextmanager
    async def daemon(self) -> AsyncIterator[Daemon]:
        """Connect to the host's Docker daemon."""
        with tempfile.TemporaryDirectory() as folder:
            socket = f"{folder}/docker.sock"
            async with (
                self.connection.forward_local_path(socket, DOCKER_SOCKET),
                Daemon.connect(socket, self.host.address) as daemon,
            ):
                yield daemon

    async def _do(self, script: str, given: str = "") -> "asyncssh.SSHCompletedProcess":
        import asyncssh  # noqa: PLC0415 - half a second, and only where there are hosts

        try:
            return await self.connection.run(script, input=given)
        except asyncssh.Error as error:
            raise UnreachableError(f"{self.name}: the connection to {self.host.address} broke: {error}") from error

    def note_change(self, what: What, message: str) -> None:
        """Record a change."""
        self._note(what, message, changed=True)

    def note_unchanged(self, what: What, message: str) -> None:
        """Record that nothing had to change."""
        self._note(what, message, changed=False)

    def _note(self, what: What, message: str, *, changed: bool) -> None:
        write_progress(f"{self.name}: {message}")
        self.steps.append(Prepared(host=self.name, what=what, changed=changed, message=message))
