"""A container on the stack's network that speaks for this program there: one start, then an exec a question."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from typing import Any, NamedTuple

from ci.targets.daemon import Daemon
from ci.targets.errors import MissingError, RefusedError, TakenError
from ci.targets.protocol import Stack
from ci.targets.swarm import specs
from ci.targets.swarm.names import Names
from ci.targets.swarm.services import demultiplexed

# One that a killed run left ends by itself.
LIFETIME = 1800
# How long a stream may stay silent before its command is looked at, and after the command's end, in seconds.
GRACE = 1.0


class Result(NamedTuple):
    """What a command in the outpost came to."""

    exit_code: int
    output: str


class Outpost:
    """A running outpost."""

    def __init__(self, daemon: Daemon, container: str) -> None:
        """Speak through a container."""
        self._daemon = daemon
        self._container = container

    async def run(self, command: Sequence[str]) -> Result:
        """Run a command to its end."""
        body: dict[str, Any] = {"Cmd": list(command), "AttachStdout": True, "AttachStderr": True}
        made = await self._daemon.post(f"/containers/{self._container}/exec", body)
        output = bytearray()
        reading = asyncio.create_task(self._read(made["Id"], output))
        # Seen on Docker 20.10: the command is over, and its stream never ends. So the command itself is looked at too.
        while not (await asyncio.wait({reading}, timeout=GRACE))[0]:
            if not (await self._daemon.get(f"/exec/{made['Id']}/json"))["Running"]:
                break
        with suppress(TimeoutError):
            await asyncio.wait_for(reading, GRACE)
        ended = await self._daemon.get(f"/exec/{made['Id']}/json")
        return Result(int(ended["ExitCode"] or 0), demultiplexed(bytes(output)))

    async def _read(self, identifier: str, output: bytearray) -> None:
        options = {"Detach": False, "Tty": False}
        async with self._daemon.stream("POST", f"/exec/{identifier}/start", json=options) as answer:
            async for chunk in answer.aiter_raw():
                output += chunk

    async def fetch(self, url: str, post: str | None = None) -> Result:
        """Ask a server on the stack's network: GET, or POST of JSON."""
        body = ["--header", "Content-Type: application/json", "--post-data", post] if post is not None else []
        return await self.run(["wget", "-q", "-O", "-", "-T", "10", *body, url])


async def open_outpost(daemon: Daemon, stack: Stack, image: str) -> Outpost:
    """Return the stack's outpost, started where there is none; it stays until it is closed or its time is over."""
    name = Names(stack).outpost
    try:
        container = await daemon.get(f"/containers/{name}/json")
        if container["State"]["Running"]:
            return Outpost(daemon, name)
        await close_outpost(daemon, stack)
    except MissingError:
        pass
    try:
        await daemon.post("/containers/create", specs.outpost(stack, image, LIFETIME), name=name)
        await daemon.post(f"/containers/{name}/start")
    except TakenError:
        # Somebody else opens it at this very moment.
        return await open_outpost(daemon, stack, image)
    return Outpost(daemon, name)


async def close_outpost(daemon: Daemon, stack: Stack) -> None:
    """Remove the stack's outpost, if there is one."""
    try:
        await daemon.delete(f"/containers/{Names(stack).outpost}", force="1")
    except TakenError:
        # It is being removed already.
        return


@asynccontextmanager
async def outpost(daemon: Daemon, stack: Stack, image: str) -> AsyncIterator[Outpost]:
    """Lend the stack's outpost: one that was open stays open, one that was not is closed again."""
    try:
        was_open = bool((await daemon.get(f"/containers/{Names(stack).outpost}/json"))["State"]["Running"])
    except MissingError:
        was_open = False
    lent = await open_outpost(daemon, stack, image)
    try:
        yield lent
    finally:
        if not was_open:
            await close_outpost(daemon, stack)


def expect(result: Result, what: str) -> str:
    """Return a command's output.

    Raises:
        RefusedError: It failed.
    """
    if result.exit_code:
        raise RefusedError(f"{what} failed: {result.output.strip() or f'exit code {result.exit_code}'}")
    return result.output
