"""Snapshots of host folders: which files were taken, and whether the host still has them as they were."""

import os
import posixpath
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from slipway_engine.errors import EngineError
from slipway_engine.files import tar
from slipway_engine.files.manifest import Manifest
from slipway_engine.files.tar import Entry

# A file's modification time, size, inode and change time: while they stay, so do its contents.
Stamp = tuple[int, int, int, int]

Contents = Iterator[tuple[tarfile.TarInfo, IO[bytes] | None]]


@dataclass(frozen=True)
class Snapshot:
    """A host folder as it was: the stamps of what was taken of it, by path."""

    root: Path
    stamps: dict[str, Stamp]

    def still(self, path: str, entry: Entry) -> bool:
        """Return whether an entry is on the host as it was."""
        kind, _, inside = entry
        try:
            if kind == "f":
                return stamp(os.lstat(self.root / path)) == self.stamps.get(path)
            if kind == "l":
                return str((self.root / path).readlink()) == inside
            return (self.root / path).is_dir()
        except OSError:
            return False


def stamp(status: os.stat_result) -> Stamp:
    """Return the values by which a changed file is recognized."""
    return status.st_mtime_ns, status.st_size, status.st_ino, status.st_ctime_ns


def contents(root: Path, manifest: Manifest, prefix: str, timestamp: int | None = None) -> Contents:
    """Go through what a manifest lists of a host folder, or of a file, with names below a prefix.

    Raises EngineError when something is not there any more.
    """
    for path, entry in manifest.entries.items():
        place = root / path
        try:
            yield _content(place, posixpath.join(prefix, path).rstrip("/"), entry, timestamp)
        except OSError as error:
            what = (error.strerror or str(error)).lower()
            raise EngineError(f"{place}: changed while it was read ({what}): run the command again") from error


def _content(place: Path, name: str, entry: Entry, timestamp: int | None) -> tuple[tarfile.TarInfo, IO[bytes] | None]:
    kind, mode, inside = entry
    mtime = int(place.lstat().st_mtime) if timestamp is None else timestamp
    if kind == "d":
        return tar.folder(name, mode, mtime=mtime), None
    if kind == "l":
        return tar.link(name, inside, mtime), None
    content = place.open("rb")
    return tar.regular(name, os.fstat(content.fileno()).st_size, mode, mtime=mtime), content
