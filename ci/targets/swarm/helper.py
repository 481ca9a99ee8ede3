"""The helper container: one start on the stack's network, then one exec for each command."""

import asyncio
import uuid
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from typing import Any, NamedTuple

from ci.targets.daemon import Daemon
from ci.targets.errors import ConflictError, DaemonError, UnreachableError
from ci.targets.stack import Stack
from ci.targets.swarm import specs
from ci.targets.swarm.names import Names
from ci.targets.swarm.services import demultiplex

# Seconds until a helper container ends by itself, after a killed run.
LIFETIME = 1800
# How long a stream may stay silent before its command is looked at, and after the command's end, in seconds.
GRACE = 1.0


class Result(NamedTuple):
    """The result of a command in a helper container."""

    exit_code: int
    output: str


class HelperContainer:
    """A running helper."""

    def __init__(self, daemon: Daemon, container: str) -> None:
        """Use a running container."""
        self._daemon = daemon
        self.container = container

    async def run(self, command: Sequence[str]) -> Result:
        """Run a command to its end."""
        body: dict[str, Any] = {"Cmd": list(command), "AttachStdout": True, "AttachStderr": True}
        made = await self._daemon.post(f"/containers/{self.container}/exec", body)
        output = bytearray()
        reading = asyncio.create_task(self._read(made["Id"], output))
        # Seen on Docker 20.10: the command ends, and its stream never does. So the command's state is checked too.
        while not (await asyncio.wait({reading}, timeout=GRACE))[0]:
            if not (await self._daemon.get(f"/exec/{made['Id']}/json"))["Running"]:
                break
        with suppress(TimeoutError):
            await asyncio.wait_for(reading, GRACE)
        ended = await self._daemon.get(f"/exec/{made['Id']}/json")
        return Result(int(ended["ExitCode"] or 0), demultiplex(bytes(output)))

    async def _read(self, identifier: str, output: bytearray) -> None:
        options = {"Detach": False, "Tty": False}
        async with self._daemon.stream("POST", f"/exec/{identifier}/start", json=options) as answer:
            async for chunk in answer.aiter_raw():
                output += chunk

    async def fetch(self, url: str, post: str | None = None) -> Result:
        """Send a request to a server on the stack's network: GET, or POST of JSON."""
        body = ["--header", "Content-Type: application/json", "--post-data", post] if post is not None else []
        return await self.run(["wget", "-q", "-O", "-", "-T", "10", *body, url])


# Returns the helper container of a connection, and starts it when it is first needed.
OpenHelper = Callable[[], Awaitable[HelperContainer]]


async def open_helper(daemon: Daemon, stack: Stack, image: str, *, locked: bool) -> HelperContainer:
    """Start a helper container; `locked`: its run holds the lock, so the next holder may remove what is left of it."""
    # Named, so that a run that is interrupted meanwhile leaves none behind.
    name = Names(stack).full(f"helper-{uuid.uuid4().hex[:12]}")
    try:
        await daemon.post("/containers/create", specs.helper(stack, image, LIFETIME, locked=locked), name=name)
        await daemon.post(f"/containers/{name}/start")
    except BaseException:
        with suppress(DaemonError, UnreachableError):
            await _remove(daemon, name)
        raise
    return HelperContainer(daemon, name)


async def close_helper(daemon: Daemon, helper: HelperContainer) -> None:
    """Remove a helper container."""
    await _remove(daemon, helper.container)


async def remove_left_helpers(daemon: Daemon, stack: Stack) -> None:
    """Remove the helper containers that killed holders of the lock left behind; only the holder may call this."""
    names = Names(stack)
    owner = [f"{name}={value}" for name, value in names.owner.items()]
    labels = [f"{specs.HELPER}={names.namespace}", f"{specs.HELPER_OF_LOCK}=true", *owner]
    found = await daemon.get("/containers/json", all="1", filters={"label": labels})
    await asyncio.gather(*(_remove(daemon, container["Id"]) for container in found))


async def _remove(daemon: Daemon, container: str) -> None:
    try:
        await daemon.delete(f"/containers/{container}", force="1")
    except ConflictError:
        # The daemon removes the container already.
        return


def output_of(result: Result, what: str) -> str:
    """Return a command's output.

    Raises:
        DaemonError: It failed.
    """
    if result.exit_code:
        raise DaemonError(f"{what} failed: {result.output.strip() or f'exit code {result.exit_code}'}")
    return result.output
