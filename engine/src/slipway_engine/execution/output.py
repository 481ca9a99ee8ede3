"""What containers print: attached to, kept by stream, and logged line by line."""

import asyncio
import contextlib
import struct
from collections.abc import AsyncIterator

import aiohttp

from slipway_engine.docker.client import Docker
from slipway_engine.events import NAME_LENGTH, Events, Span
from slipway_engine.model.step import Exec
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

    def __init__(self, events: Events, secrets: Secrets, span: Span) -> None:
        """Start with nothing."""
        self._events, self._secrets, self._span = events, secrets, span
        self._streams: dict[int, bytearray] = {0: bytearray(), 1: bytearray(), 2: bytearray()}
        self._line = b""

    def add(self, stream: int, data: bytes) -> None:
        """Take a piece of output."""
        self._streams[stream] += data
        self._streams[0] += data
        *lines, self._line = (self._line + data).split(b"\n")
        for line in lines:
            self._log(line)

    async def read(self, frames: AsyncIterator[tuple[int, bytes]]) -> None:
        """Take all that comes."""
        async for stream, data in frames:
            self.add(stream, data)

    def finish(self) -> None:
        """Log the last line, if it did not end."""
        if self._line:
            self._log(self._line)
            self._line = b""

    def text(self, name: str) -> str:
        """Return the whole text of `stdout`, `stderr` or both `combined`, without secrets."""
        number = {"combined": 0, "stdout": 1, "stderr": 2}[name]
        return self._secrets.scrub(self._streams[number].decode(errors="replace"))

    def _log(self, line: bytes) -> None:
        self._events.log(self._span, line.decode(errors="replace").rstrip("\r"))


def command(step: Exec) -> str:
    """Return a step's command on one line."""
    return " ".join(" ".join(step.args).split())


def title(step: Exec) -> str:
    """Return a step's name in messages: its command, cut where it is long."""
    text = command(step)
    return text if len(text) <= NAME_LENGTH else text[: NAME_LENGTH - 1] + "…"
