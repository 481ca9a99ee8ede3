"""Shells in containers, at the person's own terminal; docker's client carries keys, colours and window sizes."""

import asyncio
import contextlib
import posixpath
import shutil
import sys
import termios
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from slipway_engine import edits
from slipway_engine.errors import DockerError, EngineError, UsageError
from slipway_engine.prepare import prepared
from slipway_engine.trees import Exec, FolderMount, Image, Location

if TYPE_CHECKING:
    from slipway_engine.api.container.state import State
    from slipway_engine.api.directory import Directory
    from slipway_engine.context import Context
    from slipway_engine.engine import Engine

SHELL = ("sh",)
# What nobody types: by its own keys, of which Ctrl-P is the first, docker's client would leave the shell alone.
NO_DETACHING = ",".join(["ctrl-@"] * 8)


async def open_terminal(
    engine: "Engine", container: "State", cmd: Sequence[str] | None = None, *, insecure: bool = False
) -> None:
    """Run a shell in a container, with its files, environment, mounts and services.

    What it changes is not kept, except as a patch where the engine's `keep_edits` wants one.

    Raises UsageError when there is no terminal to sit at, EngineError when there is no such command in the container.
    """
    require_terminal()
    if engine.keep_edits is not None:  # they are told apart from what the image has
        container = container.but(rootfs_tree=Image(await engine.solver.image(container.rootfs_tree)))
    step = container.exec(tuple(cmd or container.terminal_command or SHELL), insecure=insecure)
    async with prepared(engine, step, Tty=True, OpenStdin=True, StdinOnce=True) as ready:
        await _require_command(engine, ready.container, step)
        # A person has one terminal, and several functions may ask for it at once.
        async with engine.once("terminal", shared=False):
            with engine.events.paused(), _restored():
                await _attach(engine, ready.container)
                if engine.keep_edits is not None:
                    await engine.keep_edits(await edits.of(engine, step, ready.container))


async def in_folder(
    ctx: "Context", folder: "Directory", container: "State | None", cmd: list[str] | None, *, insecure: bool = False
) -> None:
    """Run a shell whose working directory is a folder, in a container that was given or one with a small shell."""
    from slipway_engine.api.container import Container  # noqa: PLC0415 - the API's types build on this module

    base = container or await Container().from_(ctx, "busybox:1")
    # It is there to be looked at, as with a Dagger engine, unless what is changed in it is wanted.
    mount = FolderMount("/src", Location(folder.tree, folder.path), read_only=ctx.engine.keep_edits is None)
    await open_terminal(ctx.engine, base.mounted(mount).but(working_directory="/src"), cmd, insecure=insecure)


def require_terminal() -> None:
    """Raise an error unless somebody sits at a terminal, and docker's client is there to connect it."""
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        raise UsageError(
            "a terminal was asked for, but the command does not run at one: run it in an interactive shell"
        )
    if shutil.which("docker") is None:
        raise EngineError(
            "a shell needs the program `docker`, the client of the daemon, and it is not in the PATH: "
            "install it (Debian's package is docker.io, Docker's own docker-ce-cli)"
        )


async def _require_command(engine: "Engine", container: str, step: Exec) -> None:
    """Raise EngineError unless a container has the command: told before a shell takes the screen."""
    name = step.args[0]
    environment = (await engine.docker.inspect(container))["Config"]["Env"]
    path = next((value for key, _, value in (v.partition("=") for v in environment) if key == "PATH"), "")
    folders = [""] if "/" in name else path.split(":")
    for folder in folders:
        place = posixpath.normpath(posixpath.join("/", step.workdir, folder, name))
        found = await engine.docker.stat(container, place, follow=True)
        if found is not None and not found.is_folder:
            return
    raise EngineError(
        f"the container has no command {name!r} to open as a shell: name one that it has, "
        "with --interactive-command beside -i, or with --cmd after `terminal`"
    )


async def _attach(engine: "Engine", container: str) -> None:
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
    if (await engine.docker.inspect(container))["State"]["Status"] == "created":
        raise DockerError(f"the shell could not be started: {stderr.decode(errors='replace').strip()}")


@contextlib.contextmanager
def _restored() -> Iterator[None]:
    """Leave the terminal's settings as they were, however docker's client ended."""
    saved = termios.tcgetattr(sys.stdin)
    try:
        yield
    finally:
        with contextlib.suppress(termios.error):  # the terminal is gone
            termios.tcsetattr(sys.stdin, termios.TCSADRAIN, saved)
