"""Shells in containers, at the person's own terminal; docker's client carries keys, colours and window sizes."""

import asyncio
import contextlib
import posixpath
import shutil
import sys
import termios
from collections.abc import Awaitable, Callable, Iterator, Sequence

from slipway_engine.docker.client import Docker
from slipway_engine.docker.daemon import Daemon
from slipway_engine.errors import DockerError, EngineError, UsageError
from slipway_engine.events import Events
from slipway_engine.execution.preparation import Bind, Preparer
from slipway_engine.execution.shares import Shares
from slipway_engine.execution.shell_patch import ShellPatch, make_shell_patch
from slipway_engine.model.container import ContainerSpec
from slipway_engine.model.step import Exec, FolderMount
from slipway_engine.model.tree import Image, Location
from slipway_engine.trees.trees import Trees

SHELL = ("sh",)
# Unlikely keys: docker's default starts with Ctrl-P, which people type, and would detach from the shell.
NO_DETACHING = ",".join(["ctrl-@"] * 8)


class Terminals:
    """Opens shells, one at a time: a person has one terminal, and several functions may ask for it at once."""

    def __init__(
        self, daemon: Daemon, trees: Trees, events: Events, preparer: Preparer, bind: Bind, shares: Shares
    ) -> None:
        """Start with none; what is changed in shells is not kept."""
        self._daemon, self._trees, self._events = daemon, trees, events
        self._preparer, self._bind, self._shares = preparer, bind, shares
        # Takes the patch of each shell, where the command asks for patches.
        self.keep_patch: Callable[[ShellPatch], Awaitable[None]] | None = None

    async def open(self, container: ContainerSpec, cmd: Sequence[str] | None = None, *, insecure: bool = False) -> None:
        """Run a shell in a container, with its files, environment, mounts and services.

        What it changes is not kept, except as a patch by `keep_patch`.

        Raises UsageError when there is no terminal to sit at, EngineError when there is no such command in the
        container.
        """
        require_terminal()
        if self.keep_patch is not None:  # the patch compares the container with this image
            image = await self._trees.images.image(container.rootfs_tree)
            container = container.replace(rootfs_tree=Image(image))
        step = container.exec(tuple(cmd or container.terminal_command or SHELL), insecure=insecure)
        preparing = self._preparer.prepare(
            step, self._bind, lambda: self._shares.claim("shell"), Tty=True, OpenStdin=True, StdinOnce=True
        )
        async with preparing as ready:
            await _require_command(self._daemon.docker, ready.container, step)
            async with self._daemon.objects.once("terminal", shared=False):
                with self._events.pause_listeners(), _restore_terminal():
                    await _attach(self._daemon.docker, ready.container)
                    if self.keep_patch is not None:
                        patch = await make_shell_patch(self._daemon, self._trees, step, ready.container)
                        await self.keep_patch(patch)

    async def open_folder(
        self, folder: Location, container: ContainerSpec | None, cmd: list[str] | None, *, insecure: bool = False
    ) -> None:
        """Run a shell whose working directory is a folder, in a given container or one with a small shell."""
        if container is None:
            image = await self._daemon.images.busybox()
            container = ContainerSpec().with_image_config(await self._daemon.images.inspect(image), Image(image))
        # It is there to be looked at, as with a Dagger engine, unless its changes are kept.
        mount = FolderMount("/src", Location(folder.tree, folder.path), read_only=self.keep_patch is None)
        await self.open(container.with_mount(mount).replace(working_directory="/src"), cmd, insecure=insecure)


def require_terminal() -> None:
    """Raise an error unless the command runs at a terminal and docker's client is installed."""
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        raise UsageError(
            "a terminal was asked for, but the command does not run at one: run it in an interactive shell"
        )
    if shutil.which("docker") is None:
        raise EngineError(
            "a shell needs the program `docker`, the client of the daemon, and it is not in the PATH: "
            "install it (Debian's package is docker.io, Docker's own docker-ce-cli)"
        )


async def _require_command(docker: Docker, container: str, step: Exec) -> None:
    """Raise EngineError unless a container has the command, before a shell takes the screen."""
    name = step.args[0]
    environment = (await docker.inspect(container))["Config"]["Env"]
    path = next((value for key, _, value in (v.partition("=") for v in environment) if key == "PATH"), "")
    folders = [""] if "/" in name else path.split(":")
    for folder in folders:
        place = posixpath.normpath(posixpath.join("/", step.workdir, folder, name))
        found = await docker.stat(container, place, follow=True)
        if found is not None and not found.is_folder:
            return
    raise EngineError(
        f"the container has no command {name!r} to open as a shell: name one that it has, "
        "with --interactive-command beside -i, or with --cmd after `terminal`"
    )


async def _attach(docker: Docker, container: str) -> None:
    process = await asyncio.create_subprocess_exec(
        "docker",
        "start",
        "--attach",
        "--interactive",
        f"--detach-keys={NO_DETACHING}",
        container,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        _, stderr = await process.communicate()
    except BaseException:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.wait()
        raise
    if (await docker.inspect(container))["State"]["Status"] == "created":
        raise DockerError(f"the shell could not be started: {stderr.decode(errors='replace').strip()}")


@contextlib.contextmanager
def _restore_terminal() -> Iterator[None]:
    """Leave the terminal's settings as they were, however docker's client ended."""
    saved = termios.tcgetattr(sys.stdin)
    try:
        yield
    finally:
        with contextlib.suppress(termios.error):  # the terminal is gone
            termios.tcsetattr(sys.stdin, termios.TCSADRAIN, saved)
