"""From described trees to bytes: makes images of them in Docker, and reads them as tar streams."""

import contextlib
import posixpath
import tarfile
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING

from slipway_engine import archive, builds, hostfiles, manifests, patches, sources, tar
from slipway_engine.changes import Changer
from slipway_engine.errors import EngineError
from slipway_engine.export import export_file, whole
from slipway_engine.manifests import Manifest, select
from slipway_engine.patterns import GitIgnore, Rules
from slipway_engine.store import Step
from slipway_engine.trees import (
    AfterExec,
    AfterMount,
    Built,
    CopyFolder,
    Difference,
    Download,
    FileMount,
    FolderMount,
    GitTree,
    Image,
    Location,
    Operation,
    Patched,
    PatchOf,
    Remove,
    Scratch,
    Selected,
    Tarball,
    Tree,
    Upload,
    Volume,
)

if TYPE_CHECKING:
    from slipway_engine.engine import Engine

FOLDER = "/tree"
ARCHIVE_MODE = 0o644

Maker = Callable[[str], Awaitable[str]]


class Solver:
    """Makes the trees of one engine real, each once."""

    def __init__(self, engine: "Engine") -> None:
        """Start with none."""
        self._engine = engine
        self.changer = Changer(engine)

    async def image(self, tree: Tree) -> str:
        """Return the ID of an image whose root file system is the tree."""
        match tree:
            case Image(image=image):
                return image
            case AfterExec(step=step):
                return (await self._engine.runner.run(step)).image
            case Built() as built:
                return await self._kept(tree, "", lambda step: builds.build(self._engine, built, step))
            case Patched() as patched if is_system(tree):
                return await self._kept(tree, "", lambda step: self._layered(patched, step))
            case _:
                return await self._kept(tree, "root", lambda step: self._imported(tree, step, ""))

    async def folder(self, tree: Tree) -> str:
        """Return the ID of an image that holds the tree in FOLDER, where Docker puts nothing of its own."""
        match tree:
            case Upload(content=content):
                return await self._engine.uploads.image(content)
            case Patched() as patched:
                return await self._kept(tree, "", lambda step: self._patched(patched, step))
            case _:
                return await self._kept(tree, "", lambda step: self._imported(tree, step, FOLDER))

    @contextlib.asynccontextmanager
    async def open(self, location: Location) -> AsyncIterator[AsyncIterator[bytes]]:
        """Read a folder as a tar stream with paths relative to it, or a file as a stream with one entry.

        Raises EngineError when the path is not there.
        """
        location = await self._settled(location)
        tree = location.tree
        if (at_hand := hostfiles.stream(self._engine, location)) is not None:
            yield at_hand
        elif isinstance(tree, Scratch) and location.path == "/":
            yield tar.chunks(tar.pack([(tar.folder("."), b"")]))
        elif isinstance(tree, Selected):
            async with self._selected(tree, location.path) as stream:
                yield stream
        elif isinstance(tree, Difference) and location.path == "/":
            async with self._difference(tree) as stream:
                yield stream
        elif isinstance(tree, PatchOf):
            async with patches.open_patch(self._engine, tree) as stream:
                yield stream
        elif isinstance(tree, GitTree | Download | Tarball) and (location.path == "/" or not isinstance(tree, GitTree)):
            async with sources.open_source(self._engine, tree, location.path) as stream:
                yield stream
        else:
            async with self._from_docker(location) as stream:
                yield stream

    async def export(self, location: Location, target: Path) -> tarfile.TarInfo:
        """Write a file to the host and return what its tree says of it; nobody sees half of it."""
        location = await self._settled(location)
        if not isinstance(location.tree, Tarball):
            async with self.open(location) as stream:
                return await export_file(stream, target)
        # As large as an image: no copy of it is made on the way.
        with whole(target) as place:
            await archive.pack(self._engine, location.tree, place)
            place.chmod(ARCHIVE_MODE)
        status = target.stat()
        return tar.regular(location.path, status.st_size, ARCHIVE_MODE, mtime=int(status.st_mtime))

    async def listing(self, location: Location) -> Manifest:
        """Return what a folder holds; contents of files are not hashed unless they come from the host."""
        if (known := manifests.of(self._engine, location)) is not None:
            return known
        async with self.open(location) as stream:
            return Manifest(await tar.read(stream, tar.listing))

    async def _kept(self, tree: Tree, form: str, make: Maker) -> str:
        """Return the image of a tree, made now unless an earlier run left it."""
        digest = self._engine.keys.of(tree) + form
        async with self._engine.once(digest):
            if (step := await self._engine.step(digest)) is not None:
                return step.image
            image = await make(digest)
            self._engine.store.put_step(Step(digest, image, {}, size=await self._engine.size(image)))
            return image

    async def _imported(self, tree: Tree, step: str, folder: str) -> str:
        """Import a tree's files, below a folder of the image."""

        def move(entry: tarfile.TarInfo) -> tarfile.TarInfo:
            name = tar.clean(entry.name)
            entry.name = f"{folder}/{name}".strip("/") or "."
            if entry.islnk():
                entry.linkname = f"{folder}/{tar.clean(entry.linkname)}".strip("/")
            return entry

        if isinstance(tree, Scratch):
            empty = [(tar.folder(folder.strip("/")), b"")] if folder else []
            return await self._engine.docker.import_image(tar.pack(empty), self._engine.labels(step=step))
        async with self.open(Location(tree)) as stream:
            moved = tar.transform(stream, move) if folder else stream
            return await self._engine.docker.import_image(moved, self._engine.labels(step=step))

    async def _layered(self, tree: Patched, step: str) -> str:
        """Change an image, with a layer for each copied folder: an image that is published shares them with others."""
        if isinstance(tree.operation, Remove):
            return await self._removed(tree.base, tree.operation, step, "")
        below, operations = tree.base, [tree.operation]
        while not isinstance(operations[0], CopyFolder) and isinstance(below, Patched):
            if isinstance(below.operation, Remove):
                break
            operations.insert(0, below.operation)
            below = below.base
        return await self._changed(await self.image(below), operations, step, "")

    async def _patched(self, tree: Patched, step: str) -> str:
        """Change a folder."""
        if isinstance(tree.operation, Remove):
            return await self._removed(tree.base, tree.operation, step, FOLDER)
        base, operations = flatten(tree)
        return await self._changed(await self.folder(base), operations, step, FOLDER)

    async def _changed(self, image: str, operations: list[Operation], step: str, folder: str) -> str:
        engine = self._engine
        async with engine.container({"Image": image, "Cmd": ["-"]}) as container:
            await self.changer.apply(container, operations, folder)
            return await engine.docker.commit(container, engine.labels(step=step))

    async def _removed(self, base: Tree, operation: Remove, step: str, folder: str) -> str:
        # Docker's archive API cannot delete, so a static busybox does it inside, also in images that have no shell.
        engine = self._engine
        tools = await engine.tools()
        script = "IFS=; cd / && rm -rf -- $1"  # a pattern, and one word
        config = {
            "Image": await (self.folder(base) if folder else self.image(base)),
            "Entrypoint": [f"{tools.folder}/busybox", "sh", "-c", script, "rm"],
            "Cmd": [folder + posixpath.normpath("/" + operation.path)],
            "User": "0",
            "HostConfig": {"Mounts": [tools.mount], "NetworkMode": "none"},
        }
        async with engine.container(config) as container:
            await engine.docker.start(container)
            if await engine.docker.wait(container):
                raise EngineError(f"{operation.path}: could not be removed")
            return await engine.docker.commit(container, engine.labels(step=step))

    @contextlib.asynccontextmanager
    async def _from_docker(self, location: Location) -> AsyncIterator[AsyncIterator[bytes]]:
        reader, prefix = await self._reader(location.tree)
        path = prefix + posixpath.normpath("/" + location.path)
        found = await self._engine.docker.stat(reader, path, follow=True)
        if found is None:
            raise EngineError(f"{location.path}: no such file or directory")
        # A trailing dot makes Docker name the entries relative to the folder.
        target = posixpath.join(found.path, ".") if found.is_folder else found.path
        async with self._engine.docker.get(reader, target) as stream:
            yield stream

    async def _settled(self, location: Location) -> Location:
        """Return where a mounted file really is: where it came from, unless a step changed it."""
        while isinstance(location.tree, AfterMount):
            step, path = location.tree.step, location.tree.mount
            if path in (await self._engine.runner.run(step)).volumes:
                break
            source = next(m.source for m in step.mounts if m.path == path and isinstance(m, FileMount | FolderMount))
            location = Location(source.tree, location.path)
        return location

    async def _reader(self, tree: Tree) -> tuple[str, str]:
        """Return the container through which a tree is read, and where the tree lies in it."""
        if isinstance(tree, Volume):
            return await self._engine.reader(volume=tree.name), "/volume"
        if isinstance(tree, AfterMount):
            result = await self._engine.runner.run(tree.step)
            return await self._engine.reader(volume=result.volumes[tree.mount]), "/volume"
        if is_system(tree):
            return await self._engine.reader(image=await self.image(tree)), ""
        return await self._engine.reader(image=await self.folder(tree)), FOLDER

    @contextlib.asynccontextmanager
    async def _selected(self, tree: Selected, path: str) -> AsyncIterator[AsyncIterator[bytes]]:
        inner = path.strip("/")
        known = manifests.of(self._engine, tree.source)
        if known is not None:
            rules = manifests.rules_for(self._engine, tree.source, tree.filter)
            taken = set(select(known.entries, rules))
        else:
            whole = await self.listing(tree.source)
            rules = Rules(tree.filter.include, tree.filter.exclude, await self._ignored(tree, whole))
            taken = set(select(whole.entries, rules))
        owner = await self.changer.owner(tree.source.tree, tree.owner)

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

    async def _ignored(self, tree: Selected, whole: Manifest) -> GitIgnore | None:
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

    async def stat(self, location: Location, *, follow: bool) -> tuple[str, int, int] | None:
        """Return a path's kind ("d", "f", "l"), permission bits and size in bytes, or nothing when it is not there."""
        location = await self._settled(location)
        known, description = hostfiles.stat(self._engine, location)
        if known:
            return description
        reader, prefix = await self._reader(location.tree)
        found = await self._engine.docker.stat(reader, prefix + posixpath.normpath("/" + location.path), follow=follow)
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
    async def _difference(self, tree: Difference) -> AsyncIterator[AsyncIterator[bytes]]:
        lower, upper = await self.hashed(tree.lower), await self.hashed(tree.upper)
        changed = {path for path, entry in upper.entries.items() if lower.entries.get(path) != entry}
        taken = changed | {parent for path in changed for parent in manifests.parents(path)}

        def change(entry: tarfile.TarInfo) -> tarfile.TarInfo | None:
            return entry if tar.clean(entry.name) in taken else None

        async with self.open(tree.upper) as stream:
            yield tar.transform(stream, change)

    async def hashed(self, location: Location) -> Manifest:
        """Return what a folder holds, with its files' hashes."""
        if (known := manifests.of(self._engine, location)) is not None:
            return known
        async with self.open(location) as stream:
            return Manifest(await tar.read(stream, tar.hashed_listing))


def is_system(tree: Tree) -> bool:
    """Tell whether a tree is an image's whole file system, with changes or without; others are folders."""
    while isinstance(tree, Patched):
        tree = tree.base
    return isinstance(tree, Image | AfterExec | Built)


def flatten(tree: Tree) -> tuple[Tree, list[Operation]]:
    """Split a tree into one that must be an image and the operations that one archive upload after the other can do."""
    operations: list[Operation] = []
    while isinstance(tree, Patched) and not isinstance(tree.operation, Remove):
        operations.append(tree.operation)
        tree = tree.base
    return tree, operations[::-1]


def _inside(path: str, folder: str) -> bool:
    wanted = folder.strip("/")
    return not wanted or path == wanted or path.startswith(wanted + "/")
