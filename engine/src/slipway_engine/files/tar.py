"""Tar streams: how trees move between Docker, the host and each other without touching a disk on the way."""

import asyncio
import hashlib
import io
import os
import tarfile
import threading
from collections.abc import AsyncIterable, AsyncIterator, Callable, Iterable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import IO, TypeVar

Change = Callable[[tarfile.TarInfo], tarfile.TarInfo | None]

CHUNK = 1 << 18

Item = TypeVar("Item")

# Kind ("d", "f", "l"), permission bits, and what is inside: a file's SHA-256 or a link's target.
Entry = tuple[str, int, str]


async def transform(tar: AsyncIterable[bytes], change: Change) -> AsyncIterator[bytes]:
    """Pass a tar stream on with each entry changed, or left out where the change returns nothing."""

    def work(source: IO[bytes], sink: IO[bytes]) -> None:
        with (
            tarfile.open(fileobj=source, mode="r|", bufsize=CHUNK) as old,
            tarfile.open(fileobj=sink, mode="w|", format=tarfile.PAX_FORMAT, bufsize=CHUNK) as new,
        ):
            for entry in old:
                if (changed := change(entry)) is not None:
                    new.addfile(changed, old.extractfile(entry) if entry.isreg() else None)

    async for chunk in _through_thread(tar, work):
        yield chunk


async def write(entries: Callable[[], Iterable[tuple[tarfile.TarInfo, IO[bytes] | None]]]) -> AsyncIterator[bytes]:
    """Make a tar stream of entries that a thread produces one after the other."""

    def work(_: IO[bytes], sink: IO[bytes]) -> None:
        with tarfile.open(fileobj=sink, mode="w|", format=tarfile.PAX_FORMAT, bufsize=CHUNK) as new:
            for entry, content in entries():
                new.addfile(entry, content)
                if content:
                    content.close()

    async for chunk in _through_thread(None, work):
        yield chunk


async def read(tar: AsyncIterable[bytes], visit: Callable[[tarfile.TarFile], Item]) -> Item:
    """Hand an open tar stream to a visitor in a thread and return what it returns."""
    result: list[Item] = []

    def work(source: IO[bytes], _: IO[bytes]) -> None:
        with tarfile.open(fileobj=source, mode="r|", bufsize=CHUNK) as archive:
            result.append(visit(archive))

    async for _ in _through_thread(tar, work):
        pass
    return result[0]


async def _through_thread(
    tar: AsyncIterable[bytes] | None, work: Callable[[IO[bytes], IO[bytes]], None]
) -> AsyncIterator[bytes]:
    """Run blocking work in a thread between two pipes: fed from one stream, read as another."""
    feed_out, feed_in = os.pipe()
    sink_out, sink_in = os.pipe()
    failure: list[BaseException] = []

    def run() -> None:
        # A closed pipe on either side is how the other side says that it has stopped.
        with suppress(BrokenPipeError), os.fdopen(feed_out, "rb", CHUNK) as source:
            try:
                with suppress(BrokenPipeError), os.fdopen(sink_in, "wb", CHUNK) as sink:
                    work(source, sink)
                while source.read(CHUNK):  # what follows a tar's end must be taken, or the feeder would wait
                    pass
            except BaseException as error:  # noqa: BLE001 - raised again in the caller's task
                failure.append(error)

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    feeder = asyncio.create_task(_feed(tar, feed_in))
    reader = os.fdopen(sink_out, "rb", 0)
    try:
        while chunk := await asyncio.to_thread(reader.read, CHUNK):
            yield chunk
        await feeder
    finally:
        reader.close()
        feeder.cancel()
        with suppress(asyncio.CancelledError):
            await feeder
        await asyncio.to_thread(thread.join)
    if failure:
        raise failure[0]


async def _feed(tar: AsyncIterable[bytes] | None, descriptor: int) -> None:
    sink = os.fdopen(descriptor, "wb", 0)
    try:
        if tar is not None:
            async for chunk in tar:
                await asyncio.to_thread(_write_all, sink, chunk)
    except BrokenPipeError:
        pass
    finally:
        sink.close()


def _write_all(sink: IO[bytes], chunk: bytes) -> None:
    view = memoryview(chunk)
    while view:
        view = view[sink.write(view) :]


async def chunks(whole: bytes) -> AsyncIterator[bytes]:
    """Go through a small tar in memory as if it was a stream."""
    yield whole


async def file_chunks(place: Path) -> AsyncIterator[bytes]:
    """Read a file in chunks."""
    with place.open("rb") as file:
        while chunk := await asyncio.to_thread(file.read, CHUNK):
            yield chunk


def folder(path: str, mode: int = 0o755, uid: int = 0, gid: int = 0, mtime: int = 0) -> tarfile.TarInfo:
    """Describe a folder."""
    entry = tarfile.TarInfo(path)
    entry.type, entry.mode, entry.uid, entry.gid, entry.mtime = tarfile.DIRTYPE, mode, uid, gid, mtime
    return entry


def regular(path: str, size: int, mode: int = 0o644, uid: int = 0, gid: int = 0, mtime: int = 0) -> tarfile.TarInfo:
    """Describe a regular file of `size` bytes."""
    entry = tarfile.TarInfo(path)
    entry.size, entry.mode, entry.uid, entry.gid, entry.mtime = size, mode, uid, gid, mtime
    return entry


def link(path: str, target: str, mtime: int = 0) -> tarfile.TarInfo:
    """Describe a symbolic link."""
    entry = tarfile.TarInfo(path)
    entry.type, entry.linkname, entry.mode, entry.mtime = tarfile.SYMTYPE, target, 0o777, mtime
    return entry


def pack(entries: Iterable[tuple[tarfile.TarInfo, bytes]]) -> bytes:
    """Make a small tar in memory."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.PAX_FORMAT) as archive:
        for entry, content in entries:
            archive.addfile(entry, io.BytesIO(content) if entry.isreg() else None)
    return buffer.getvalue()


def clean(name: str) -> str:
    """Return an entry's path without the leading `./` or `/`; the root itself is the empty string."""
    return "" if name in (".", "./", "/") else name.removeprefix("./").lstrip("/").rstrip("/")


def entries(archive: tarfile.TarFile) -> Iterator[tuple[str, tarfile.TarInfo]]:
    """Go through an archive's entries with their clean paths."""
    for entry in archive:
        yield clean(entry.name), entry


def listing(archive: tarfile.TarFile) -> dict[str, Entry]:
    """Return an archive's entries by path, without looking into the files."""
    return {path: _entry(archive, entry, hashing=False) for path, entry in entries(archive)}


def hashed_listing(archive: tarfile.TarFile) -> dict[str, Entry]:
    """Return an archive's entries by path, with the files' SHA-256."""
    return {path: _entry(archive, entry, hashing=True) for path, entry in entries(archive)}


def first_file(archive: tarfile.TarFile) -> bytes | None:
    """Return the bytes of the first entry, or nothing when that is no regular file."""
    entry = archive.next()
    content = archive.extractfile(entry) if entry and entry.isreg() else None
    return content.read() if content else None


def sha256(content: IO[bytes]) -> str:
    """Return the SHA-256 of what is left to read."""
    return hashlib.file_digest(content, "sha256").hexdigest()  # type: ignore[arg-type] # any reader will do


def _entry(archive: tarfile.TarFile, entry: tarfile.TarInfo, *, hashing: bool) -> Entry:
    mode = entry.mode & 0o7777
    if entry.isdir():
        return "d", mode, ""
    if entry.issym():
        return "l", mode, entry.linkname
    if entry.islnk():
        return "f", mode, "=" + clean(entry.linkname)
    content = archive.extractfile(entry) if hashing and entry.isreg() else None
    return "f", mode, sha256(content) if content else ""
