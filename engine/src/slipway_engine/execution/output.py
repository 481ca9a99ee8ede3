"""What containers print: attached to, kept by stream, and logged line by line."""

import asyncio
import contextlib
import struct
from collections.abc import AsyncIterator

import aiohttp

from slipway_engine.docker.client import Docker
from slipway_engine.events import NAME_LENGTH, Events, Span
from slipway_engine.model.step import Exec
from slipway_engine.store.mask import Mask
from slipway_engine.store.secrets import Secrets


@contextlib.asynccontextmanager
async def attach(docker: Docker, container: str) -> AsyncIterator[AsyncIterator[tuple[int, bytes]]]:
    """Read a container's output from its start to its end: (1 for stdout or 2 for stderr, bytes).

    Attached before the start: Docker's log files may lack the last line when they are read while they are written.
    """
    async with docker.request(
        "POST", f"containers/{container}/attach", stream=True, stdout=True, stderr=True
    ) as response:
        yield _frames(response.content)


async def _frames(content: aiohttp.StreamReader) -> AsyncIterator[tuple[int, bytes]]:
    with contextlib.suppress(asyncio.IncompleteReadError, aiohttp.ClientError):
        while True:
            stream, size = struct.unpack(">BxxxL", await content.readexactly(8))
            yield stream, await content.readexactly(size)


class Output:
    """The output of one container."""

    def __init__(self, events: Events, span: Span, mask: Mask) -> None:
        """Start with nothing; the mask is for what programs get."""
        self._mask = mask
        self._captured: dict[int, bytearray] = {0: bytearray(), 1: bytearray(), 2: bytearray()}
        # Each has lines of its own: a line of the one may come in the middle of a line of the other.
        self._logs = {1: events.stream(span), 2: events.stream(span)}

    def add(self, stream: int, data: bytes) -> None:
        """Take a piece of output."""
        self._captured[stream] += data
        self._captured[0] += data
        self._logs[stream].add(data)

    async def read(self, frames: AsyncIterator[tuple[int, bytes]]) -> None:
        """Take all that comes."""
        async for stream, data in frames:
            self.add(stream, data)

    def finish(self) -> None:
        """Log the last lines, also one that did not end."""
        for log in self._logs.values():
            log.finish()

    def text(self, name: str) -> str:
        """Return the whole text of `stdout`, `stderr` or both `combined`, as programs get it."""
        number = {"combined": 0, "stdout": 1, "stderr": 2}[name]
        return self._mask.apply(self._captured[number]).decode(errors="replace")


def command(step: Exec) -> str:
    """Return a step's command on one line."""
    return " ".join(" ".join(step.args).split())


def title(step: Exec, secrets: Secrets) -> str:
    """Return a step's name in messages: its command without secrets, cut where it is long."""
    text = secrets.shown(command(step))
    return text if len(text) <= NAME_LENGTH else text[: NAME_LENGTH - 1] + "…"
