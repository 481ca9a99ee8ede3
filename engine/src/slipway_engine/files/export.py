"""Writing trees to the host: outside of the target nothing, and no file before it is complete."""

import asyncio
import contextlib
import copy
import os
import shutil
import tarfile
import tempfile
from collections.abc import AsyncIterable, Iterator
from pathlib import Path

from slipway_engine.errors import EngineError
from slipway_engine.files import tar


async def export_folder(stream: AsyncIterable[bytes], target: Path, *, wipe: bool) -> None:
    """Unpack a tar stream into a folder, over what is there or, with `wipe`, instead of it."""
    try:
        target.mkdir(parents=True, exist_ok=True)
        if wipe:
            await asyncio.to_thread(_empty, target)
        await tar.read(stream, lambda archive: _unpack(archive, target))
    except OSError as error:
        raise EngineError(f"{target}: cannot be written: {error}") from error


async def export_file(stream: AsyncIterable[bytes], target: Path) -> tarfile.TarInfo:
    """Write a tar stream's one file to a path, and return its entry in the tar."""

    def unpack(archive: tarfile.TarFile) -> tarfile.TarInfo:
        entry = archive.next()
        content = archive.extractfile(entry) if entry and entry.isreg() else None
        if entry is None or content is None:
            raise EngineError(f"{target}: the source is a directory, not a file")
        with atomic_file(target) as place:
            with place.open("wb") as file:
                shutil.copyfileobj(content, file, tar.CHUNK)
            place.chmod(entry.mode & 0o777)
        return entry

    return await tar.read(stream, unpack)


@contextlib.contextmanager
def atomic_file(target: Path) -> Iterator[Path]:
    """Give a temporary file to write, and move it to the target when the block ends: no half of it is ever visible."""
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        descriptor, name = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.")
        os.close(descriptor)
        try:
            yield Path(name)
            Path(name).replace(target)
        except BaseException:
            Path(name).unlink(missing_ok=True)
            raise
    except OSError as error:
        raise EngineError(f"{target}: cannot be written: {error}") from error


def _unpack(archive: tarfile.TarFile, target: Path) -> None:
    # Python before 3.11.4, such as Debian 12's, has no filters; later ones warn without, and 3.14 would choose one.
    archive.extraction_filter = lambda entry, _path: entry
    for entry in archive:
        if tar.clean(entry.name):
            archive.extract(_export_entry(entry, target), target)


def _export_entry(entry: tarfile.TarInfo, target: Path) -> tarfile.TarInfo:
    """Keep entries inside of the target, as the caller's own files; modes stay as they are."""
    place = (target / tar.clean(entry.name)).parent.resolve()
    if not place.is_relative_to(target.resolve()):
        raise EngineError(f"{target}: {entry.name} would be written outside of it, to {place}")
    own = copy.copy(entry)
    own.name = tar.clean(entry.name)
    own.uid, own.gid, own.uname, own.gname = os.geteuid(), os.getegid(), "", ""
    return own


def _empty(folder: Path) -> None:
    for place in folder.iterdir():
        shutil.rmtree(place) if place.is_dir() and not place.is_symlink() else place.unlink()
