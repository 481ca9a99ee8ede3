"""Snapshots of host folders, read from the host while it is as it was when they were taken: Docker needs longer.

Where this cannot answer, the copy in Docker can.
"""

import os
import posixpath
import tarfile
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING

from slipway_engine import manifests, tar
from slipway_engine.errors import EngineError
from slipway_engine.manifests import Manifest, parents
from slipway_engine.tar import Entry
from slipway_engine.trees import Location, Selected, Upload

if TYPE_CHECKING:
    from slipway_engine.engine import Engine

# A file's modification time, size, inode and change time: while they stay, so do its contents.
Stamp = tuple[int, int, int, int]

MOST_ENTRIES = 2000  # a longer stream Docker writes faster than Python

Contents = Iterator[tuple[tarfile.TarInfo, IO[bytes] | None]]


@dataclass(frozen=True)
class Snapshot:
    """A host folder as it was: the stamps of what was taken of it, by path."""

    root: Path
    stamps: dict[str, Stamp]

    def still(self, path: str, entry: Entry) -> bool:
        """Tell whether an entry is on the host as it was."""
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
    """Return what tells whether a file has changed."""
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


def stream(engine: "Engine", location: Location) -> AsyncIterator[bytes] | None:
    """Return a location as a tar stream with paths relative to it; nothing when the host does not have it any more."""
    manifest, source = manifests.of(engine, location), _source(engine, location)
    if manifest is None or source is None or len(manifest.entries) > MOST_ENTRIES:
        return None
    snapshot, inner, timestamp = source
    if not all(snapshot.still(f"{inner}/{path}".strip("/"), entry) for path, entry in manifest.entries.items()):
        return None
    is_folder = manifest.entries[""][0] == "d"
    prefix = "." if is_folder else posixpath.basename(inner)
    return tar.write(lambda: contents(snapshot.root / inner, manifest, prefix, timestamp))


def stat(engine: "Engine", location: Location) -> tuple[bool, tuple[str, int, int] | None]:
    """Tell whether a snapshot alone can describe a path, and the description: of a file, or that nothing is there."""
    whole, source = manifests.of(engine, Location(location.tree)), _source(engine, location)
    if whole is None or source is None:
        return False, None
    path = posixpath.normpath("/" + location.path).strip("/")
    if path in whole.entries:
        kind, mode, _ = whole.entries[path]
        snapshot, inner, _ = source
        return (True, (kind, mode, snapshot.stamps[inner][1])) if kind == "f" else (False, None)
    # What lies behind a link is somewhere else.
    return not any(whole.entries.get(parent, ("",))[0] == "l" for parent in parents(path)), None


def _source(engine: "Engine", location: Location) -> tuple[Snapshot, str, int | None] | None:
    """Return the snapshot that a location is part of, its path there, and the time that its entries were given."""
    tree, path = location.tree, posixpath.normpath("/" + location.path).strip("/")
    if isinstance(tree, Upload):
        snapshot = engine.uploads.snapshot(tree.content)
        return (snapshot, path, None) if snapshot else None
    if not isinstance(tree, Selected) or tree.owner:
        return None
    found = _source(engine, tree.source)
    if found is None:
        return None
    snapshot, inner, timestamp = found
    return snapshot, f"{inner}/{path}".strip("/"), timestamp if tree.timestamp is None else tree.timestamp
