"""A relay in front of a unix socket, through which a test sees what is asked, holds it, and cuts the way.

`python -m tests.relays FROM TO` joins two places for good; each is the path of a socket, or a port of the loopback.
"""

import asyncio
import re
import sys
import threading
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, TypeVar

T = TypeVar("T")
Seen = Callable[[bytes], Coroutine[Any, Any, None]]
Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]
CHUNK = 1 << 16
# Longer than anything that is looked for.
TAIL = 4096


class Trap:
    """Something that is asked: it is held before the other side hears of it, or when that answers."""

    def __init__(self, pattern: str, nth: int, *, answered: bool) -> None:
        """Look for the nth time that a pattern is asked."""
        self.sprung = threading.Event()
        self.let_go = asyncio.Event()
        self.answered = answered
        self._pattern, self._left = re.compile(pattern.encode()), nth

    def springs(self, tail: bytes, chunk: bytes) -> bool:
        """Tell whether this is it, seen just now for the first time."""
        if self._left < 1:
            return False
        new = [found for found in self._pattern.finditer(tail + chunk) if found.end() > len(tail)]
        self._left -= len(new)
        return self._left < 1

    async def hold(self) -> None:
        """Wait until the test lets go."""
        self.sprung.set()
        await self.let_go.wait()


class Relay:
    """The relay, and what a test does to it from its own thread."""

    def __init__(self, path: Path, upstream: str) -> None:
        """Bring what comes to a path to another socket."""
        self.path, self._upstream = path, upstream
        self._loop = asyncio.new_event_loop()
        self._is_cut, self._trap = False, Trap("", 0, answered=False)
        self._open: set[asyncio.StreamWriter] = set()

    def trap(self, pattern: str, nth: int = 1, *, answered: bool = False) -> Trap:
        """Hold what is asked for the nth time from now on, until the test lets go or cuts."""
        self._trap = Trap(pattern, nth, answered=answered)
        return self._trap

    def let_go(self) -> None:
        """Let what is held go on."""
        self._loop.call_soon_threadsafe(self._trap.let_go.set)

    def cut(self) -> None:
        """Break everything that is under way, and take nothing new."""
        self._wait(self._cut())

    def mend(self) -> None:
        """Bring things over again."""
        self._is_cut = False

    @contextmanager
    def running(self) -> Iterator["Relay"]:
        """Listen while the body runs."""
        thread = threading.Thread(target=self._loop.run_forever)
        thread.start()
        try:
            server = self._wait(asyncio.start_unix_server(self._serve, str(self.path)))
            try:
                yield self
            finally:
                self._loop.call_soon_threadsafe(server.close)
        finally:
            self.cut()
            self._loop.call_soon_threadsafe(self._loop.stop)
            thread.join()
            self._loop.close()

    def _wait(self, work: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(30)

    async def _cut(self) -> None:
        self._is_cut = True
        for writer in self._open:
            writer.transport.abort()
        self._trap.let_go.set()
        # What was held or broken ends before anything new can come.
        while self._open:
            await asyncio.sleep(0.01)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self._is_cut:
            writer.transport.abort()
            return
        other = await asyncio.open_unix_connection(self._upstream)
        ends = {writer, other[1]}
        self._open |= ends
        hooked: set[Trap] = set()

        async def asked(tail: bytes, chunk: bytes) -> None:
            if self._trap.springs(tail, chunk):
                if self._trap.answered:
                    hooked.add(self._trap)
                else:
                    await self._trap.hold()

        async def told(_tail: bytes, _chunk: bytes) -> None:
            if hooked:
                await hooked.pop().hold()

        try:
            await join((reader, writer), other, asked, told)
        finally:
            self._open -= ends


async def _nothing(_tail: bytes, _chunk: bytes) -> None:
    """Let everything pass."""


async def join(
    one: Streams,
    other: Streams,
    asked: Callable[[bytes, bytes], Coroutine[Any, Any, None]] = _nothing,
    told: Callable[[bytes, bytes], Coroutine[Any, Any, None]] = _nothing,
) -> None:
    """Carry bytes both ways until both sides have ended."""
    await asyncio.gather(_carry(one[0], other[1], asked), _carry(other[0], one[1], told))
    for _, writer in (one, other):
        writer.close()


async def _carry(
    reader: asyncio.StreamReader,
    writer: asyncio.StreamWriter,
    seen: Callable[[bytes, bytes], Coroutine[Any, Any, None]],
) -> None:
    tail = b""
    # An end that is broken has ended.
    with suppress(OSError):
        while chunk := await reader.read(CHUNK):
            await seen(tail, chunk)
            tail = (tail + chunk)[-TAIL:]
            writer.write(chunk)
            await writer.drain()
    with suppress(OSError):
        writer.write_eof()


async def _joined(here: str, there: str) -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        opening = (
            asyncio.open_connection("127.0.0.1", int(there)) if there.isdigit() else asyncio.open_unix_connection(there)
        )
        await join((reader, writer), await opening)

    listening = (
        asyncio.start_server(serve, "127.0.0.1", int(here))
        if here.isdigit()
        else asyncio.start_unix_server(serve, here)
    )
    async with await listening as server:
        await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(_joined(*sys.argv[1:]))
