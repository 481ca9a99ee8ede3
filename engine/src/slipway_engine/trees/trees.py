"""Reading trees: from the host, from Docker, or made on the way."""

import contextlib
import posixpath
import tarfile
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path

from slipway_engine.docker.daemon import Daemon
from slipway_engine.errors import EngineError
from slipway_engine.events import Events
from slipway_engine.files import tar
from slipway_engine.files.export import atomic_file, export_file
from slipway_engine.files.manifest import Manifest, parents, select
from slipway_engine.files.patterns import GitIgnore, Rules
from slipway_engine.model.container import Tarball
from slipway_engine.model.step import AfterMount, FileMount, FolderMount
from slipway_engine.model.tree import (
    Built,
    Difference,
    Download,
    GitTree,
    Location,
    PatchOf,
    Scratch,
    Selected,
    Tree,
    Volume,
)
from slipway_engine.store.secrets import Secrets
from slipway_engine.trees import archive, hosted
from slipway_engine.trees.dockerfile import build_image
from slipway_engine.trees.images import Run, TreeImages, is_system
from slipway_engine.trees.keys import Keys
from slipway_engine.trees.patches import open_patch
from slipway_engine.trees.reader import Description
from slipway_engine.trees.sources import entries_below, open_source
from slipway_engine.trees.uploads import FOLDER, Uploads

ARCHIVE_MODE = 0o644


class Trees:
    """The trees of one session."""

    def __init__(
        self, daemon: Daemon, uploads: Uploads, keys: Keys, secrets: Secrets, events: Events, run: Run
    ) -> None:
        """Read with a daemon; `run` runs the steps that leave trees."""
        self._daemon, self._uploads, self._secrets, self._events, self._run = daemon, uploads, secrets, events, run
        self.images = TreeImages(daemon, keys, uploads, self, run, self._build)
        self.writer = self.images.writer

    @contextlib.asynccontextmanager
    async def open(self, location: Location) -> AsyncIterator[AsyncIterator[bytes]]:
        """Read a folder as a tar stream with paths relative to it, or a file as a stream with one entry.

        Raises EngineError when the path is not there.
        """
        location = await self._resolve_mounts(location)
        tree = location.tree
        if (at_hand := hosted.stream(self._uploads, location)) is not None:
            yield at_hand
        elif isinstance(tree, Scratch) and location.path == "/":
            yield tar.chunks(tar.pack([(tar.folder("."), b"")]))
        elif isinstance(tree, Selected):
            async with self._open_selected(tree, location.path) as stream:
                yield stream
        elif isinstance(tree, Difference) and location.path == "/":
            async with self._open_difference(tree) as stream:
                yield stream
        elif isinstance(tree, PatchOf):
            async with open_patch(self, tree) as stream:
                yield stream
        elif isinstance(tree, Tarball):
            async with self._open_archive(tree, location.path) as stream:
                yield stream
        elif isinstance(tree, Download) or (isinstance(tree, GitTree) and location.path == "/"):
            async with open_source(self._secrets, tree, location.path) as stream:
                yield stream
        else:
            async with self._open_in_docker(location) as stream:
                yield stream

    async def export(self, location: Location, target: Path) -> tarfile.TarInfo:
        """Write a file to the host at once and return its entry in the tree."""
        location = await self._resolve_mounts(location)
        if not isinstance(location.tree, Tarball):
            async with self.open(location) as stream:
                return await export_file(stream, target)
        # As large as an image: no copy of it is made on the way.
        with atomic_file(target) as place:
            await self._pack(location.tree, place)
            place.chmod(ARCHIVE_MODE)
        status = target.stat()
        return tar.regular(location.path, status.st_size, ARCHIVE_MODE, mtime=int(status.st_mtime))

    async def listing(self, location: Location) -> Manifest:
        """Return what a folder holds; contents of files are not hashed unless they come from the host."""
        if (known := hosted.manifest_of(self._uploads, location)) is not None:
            return known
        async with self.open(location) as stream:
            return Manifest(await tar.read(stream, tar.listing))

    async def _build(self, tree: Built, step: str) -> str:
        return await build_image(self._daemon, self._events, self, tree, step)

    async def _pack(self, tree: Tarball, place: Path) -> None:
        image = await self.images.image(tree.container.rootfs_tree)
        await archive.pack(self._daemon.docker, image, tree, place)

    @contextlib.asynccontextmanager
    async def _open_archive(self, tree: Tarball, path: str) -> AsyncIterator[AsyncIterator[bytes]]:
        with tempfile.TemporaryDirectory(prefix="slipway-") as folder:
            await self._pack(tree, Path(folder, "container.tar"))
            yield tar.write(lambda: entries_below(Path(folder), path.strip("/")))

    @contextlib.asynccontextmanager
    async def _open_in_docker(self, location: Location) -> AsyncIterator[AsyncIterator[bytes]]:
        reader, prefix = await self._reader(location.tree)
        path = prefix + posixpath.normpath("/" + location.path)
        found = await self._daemon.docker.stat(reader, path, follow=True)
        if found is None:
            raise EngineError(f"{location.path}: no such file or directory")
        # A trailing dot makes Docker name the entries relative to the folder.
        target = posixpath.join(found.path, ".") if found.is_folder else found.path
        async with self._daemon.docker.get(reader, target) as stream:
            yield stream

    async def _resolve_mounts(self, location: Location) -> Location:
        """Return where a mounted file really is: where it came from, unless a step changed it."""
        while isinstance(location.tree, AfterMount):
            step, path = location.tree.step, location.tree.mount
            if path in (await self._run(step)).volumes:
                break
            source = next(m.source for m in step.mounts if m.path == path and isinstance(m, FileMount | FolderMount))
            location = Location(source.tree, location.path)
        return location

    async def _reader(self, tree: Tree) -> tuple[str, str]:
        """Return the container through which a tree is read, and where the tree lies in it."""
        if isinstance(tree, Volume):
            return await self._daemon.images.reader(volume=tree.name), "/volume"
        if isinstance(tree, AfterMount):
            result = await self._run(tree.step)
            return await self._daemon.images.reader(volume=result.volumes[tree.mount]), "/volume"
        if is_system(tree):
            return await self._daemon.images.reader(image=await self.images.image(tree)), ""
        return await self._daemon.images.reader(image=await self.images.folder(tree)), FOLDER

    @contextlib.asynccontextmanager
    async def _open_selected(self, tree: Selected, path: str) -> AsyncIterator[AsyncIterator[bytes]]:
        inner = path.strip("/")
        known = hosted.manifest_of(self._uploads, tree.source)
        if known is not None:
            rules = hosted.rules_for(self._uploads, tree.source, tree.filter)
            taken = set(select(known.entries, rules))
        else:
            whole = await self.listing(tree.source)
            rules = Rules(tree.filter.include, tree.filter.exclude, await self._gitignore(tree, whole))
            taken = set(select(whole.entries, rules))
        owner = await self.writer.owner(tree.source.tree, tree.owner)

        def change(entry: tarfile.TarInfo) -> tarfile.TarInfo | None:
            name = tar.clean(entry.name)
            whole_name = f"{inner}/{name}".strip("/") if not single else inner
            if whole_name not in taken:
                return None
            if tree.timestamp is not None:
                entry.mtime = tree.timestamp
                entry.pax_headers = {k: v for k, v in entry.pax_headers.items() if k != "mtime"}
            if owner and _inside(whole_name, tree.owned):
                entry.uid, entry.gid = owner
                entry.uname = entry.gname = ""
            return entry

        source = Location(tree.source.tree, posixpath.join(tree.source.path, inner))
        single = inner in taken and not await self._is_folder(source)
        async with self.open(source) as stream:
            yield tar.transform(stream, change)

    async def _gitignore(self, tree: Selected, whole: Manifest) -> GitIgnore | None:
        if not tree.filter.gitignore:
            return None
        found = {}
        for path in whole.entries:
            if posixpath.basename(path) == ".gitignore":
                place = Location(tree.source.tree, posixpath.join(tree.source.path, path))
                found[posixpath.dirname(path)] = (await self.contents(place)).decode(errors="replace")
        return GitIgnore.of(found)

    async def _is_folder(self, location: Location) -> bool:
        return (await self.listing(location)).entries.get("", ("f",))[0] == "d"

    async def stat(self, location: Location, *, follow: bool) -> Description | None:
        """Return a path's kind ("d", "f", "l"), permission bits and size in bytes, or nothing when it is not there."""
        location = await self._resolve_mounts(location)
        known, description = hosted.stat(self._uploads, location)
        if known:
            return description
        reader, prefix = await self._reader(location.tree)
        found = await self._daemon.docker.stat(reader, prefix + posixpath.normpath("/" + location.path), follow=follow)
        if found is None:
            return None
        return ("l" if found.link else "d" if found.is_folder else "f"), found.permissions, found.size

    async def contents(self, location: Location) -> bytes:
        """Return a file's bytes; raises EngineError when it is not a file."""
        async with self.open(location) as stream:
            found = await tar.read(stream, tar.first_file)
        if found is None:
            raise EngineError(f"{location.path}: is a directory, not a file")
        return found

    @contextlib.asynccontextmanager
    async def _open_difference(self, tree: Difference) -> AsyncIterator[AsyncIterator[bytes]]:
        lower, upper = await self.hashed_listing(tree.lower), await self.hashed_listing(tree.upper)
        changed = {path for path, entry in upper.entries.items() if lower.entries.get(path) != entry}
        taken = changed | {parent for path in changed for parent in parents(path)}

        def change(entry: tarfile.TarInfo) -> tarfile.TarInfo | None:
            return entry if tar.clean(entry.name) in taken else None

        async with self.open(tree.upper) as stream:
            yield tar.transform(stream, change)

    async def hashed_listing(self, location: Location) -> Manifest:
        """Return what a folder holds, with its files' hashes."""
        if (known := hosted.manifest_of(self._uploads, location)) is not None:
            return known
        async with self.open(location) as stream:
            return Manifest(await tar.read(stream, tar.hashed_listing))


def _inside(path: str, folder: str) -> bool:
    inner = folder.strip("/")
    return not inner or path == inner or path.startswith(inner + "/")
