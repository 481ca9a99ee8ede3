"""Connections passed on from one port to another."""

import asyncio
import contextlib
from collections.abc import AsyncIterator

from slipway_engine.errors import UsageError


@contextlib.asynccontextmanager
async def listen(host: str, port: int, to_host: str, to_port: int) -> AsyncIterator[int]:
    """Pass connections to `host:port` on to `to_host:to_port` while the block runs; the value is the port, chosen if 0.

    Raises UsageError when the port is taken.
    """
    connections: set[asyncio.Task[None]] = set()

    async def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if task := asyncio.current_task():
            connections.add(task)
            task.add_done_callback(connections.discard)
        await _join(reader, writer, to_host, to_port)

    try:
        server = await asyncio.start_server(accept, host, port)
    except OSError as error:
        raise UsageError(f"port {port} on {host} is taken: stop what listens there, or choose another port") from error
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        for task in list(connections):
            task.cancel()
        await asyncio.gather(*connections, return_exceptions=True)


async def _join(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, host: str, port: int) -> None:
    try:
        far_reader, far_writer = await asyncio.open_connection(host, port)
    except OSError:
        writer.close()
        return
    try:
        await asyncio.gather(_copy(reader, far_writer), _copy(far_reader, writer), return_exceptions=True)
    finally:
        for each in (writer, far_writer):
            each.close()
            with contextlib.suppress(OSError):
                await each.wait_closed()


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(OSError):
        while data := await reader.read(1 << 16):
            writer.write(data)
            await writer.drain()
        if writer.can_write_eof():
            writer.write_eof()
