"""Shells in containers, at the person's own terminal; docker's client carries keys, colours and window sizes."""

import asyncio
import sys
from typing import TYPE_CHECKING

from ci.local.errors import UsageError
from ci.local.prepare import prepared
from ci.local.trees import FolderMount, Location

if TYPE_CHECKING:
    from ci.local.api.container.state import State
    from ci.local.api.directory import Directory
    from ci.local.context import Context
    from ci.local.engine import Engine

SHELL = ("sh",)


async def open_terminal(engine: "Engine", container: "State", cmd: list[str] | None = None) -> None:
    """Run a shell in a container, with its files, environment, mounts and services; what it changes is not kept.

    Raises UsageError when there is no terminal to sit at.
    """
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        raise UsageError(
            "a terminal was asked for, but the command does not run at one: run it in an interactive shell"
        )
    step = container.exec(tuple(cmd or container.terminal_command or SHELL))
    async with prepared(engine, step, Tty=True, OpenStdin=True, StdinOnce=True) as ready:
        with engine.events.paused():
            process = await asyncio.create_subprocess_exec(
                "docker", "start", "--attach", "--interactive", ready.container
            )
            await process.wait()


async def in_folder(ctx: "Context", folder: "Directory", container: "State | None", cmd: list[str] | None) -> None:
    """Run a shell whose working directory is a folder, in a container that was given or one with a small shell."""
    from ci.local.api.container import Container  # noqa: PLC0415 - the API's types build on this module

    base = container or await Container().from_(ctx, "busybox:1")
    placed = base.mounted(FolderMount("/src", Location(folder.tree, folder.path))).but(working_directory="/src")
    await open_terminal(ctx.engine, placed, cmd)
