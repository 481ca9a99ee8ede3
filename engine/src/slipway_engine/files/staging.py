"""Some of a tree's files on the host's disk, for a program that compares them; kinds, contents and modes only."""

import posixpath
import tarfile
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager
from pathlib import Path

from slipway_engine.files import tar
from slipway_engine.files.export import export_file, export_folder

EXECUTABLE = 0o111
Open = Callable[[str], AbstractAsyncContextManager[AsyncIterator[bytes]]]  # reads a path as a tar stream


async def stage(source: Open, path: str, target: Path, place_of: Callable[[str], str | None], base: str = "") -> None:
    """Write files of a path below a folder of the host, each to the place that `place_of` returns for its name.

    A file without a place is left out. Names in the stream are relative to `base`; `place_of` gets them joined to it.
    """
    links: list[tuple[str, str]] = []

    def change(entry: tarfile.TarInfo) -> tarfile.TarInfo | None:
        name = posixpath.join(base, tar.clean(entry.name))
        place = None if entry.isdir() else place_of(name)
        if place is None:
            return None
        if entry.islnk():  # the other name of it may be left out
            links.append((name, place))
            return None
        entry.name, entry.mode = place, 0o755 if entry.mode & EXECUTABLE else 0o644
        return entry if entry.isreg() or entry.issym() else None

    async with source(path) as stream:
        await export_folder(tar.transform(stream, change), target, wipe=False)
    for name, place in links:
        await stage_file(source, name, target / place)


async def stage_file(source: Open, path: str, target: Path) -> None:
    """Write one file, whatever other names it has."""
    async with source(path) as stream:
        await export_file(stream, target)
