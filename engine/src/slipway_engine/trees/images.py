"""Images in Docker that hold a tree: the whole file system of a container, or a folder."""

import posixpath
import tarfile
from collections.abc import Awaitable, Callable

from slipway_engine.docker.daemon import Daemon
from slipway_engine.errors import EngineError
from slipway_engine.files import tar
from slipway_engine.model.operation import CopyFolder, Operation, Patched, Remove
from slipway_engine.model.step import AfterExec, Exec
from slipway_engine.model.tree import Built, Image, Location, Scratch, Tree, Upload
from slipway_engine.store.database import Step
from slipway_engine.trees.keys import Keys
from slipway_engine.trees.reader import Reader
from slipway_engine.trees.uploads import FOLDER, Uploads
from slipway_engine.trees.writer import Writer

Run = Callable[[Exec], Awaitable[Step]]  # returns what a step leaves, run now unless an earlier run left it
Build = Callable[[Built, str], Awaitable[str]]  # builds a Dockerfile under a step's name, and returns the image's ID
Maker = Callable[[str], Awaitable[str]]


class TreeImages:
    """Makes the image of each tree once."""

    def __init__(self, daemon: Daemon, keys: Keys, uploads: Uploads, reader: Reader, run: Run, build: Build) -> None:
        """Start with none."""
        self._daemon, self._keys, self._uploads = daemon, keys, uploads
        self._reader, self._run, self._build = reader, run, build
        self.writer = Writer(daemon.docker, reader)

    async def image(self, tree: Tree) -> str:
        """Return the ID of an image whose root file system is the tree."""
        match tree:
            case Image(image=image):
                return image
            case AfterExec(step=step):
                return (await self._run(step)).image
            case Built() as built:
                return await self._make_once(tree, "", lambda step: self._build(built, step))
            case Patched() as patched if is_system(tree):
                return await self._make_once(tree, "", lambda step: self._change_system(patched, step))
            case _:
                return await self._make_once(tree, "root", lambda step: self._import(tree, step, ""))

    async def folder(self, tree: Tree) -> str:
        """Return the ID of an image that holds the tree in FOLDER, where Docker puts nothing of its own."""
        match tree:
            case Upload(content=content):
                return await self._uploads.image(content)
            case Patched() as patched:
                return await self._make_once(tree, "", lambda step: self._change_folder(patched, step))
            case _:
                return await self._make_once(tree, "", lambda step: self._import(tree, step, FOLDER))

    async def _make_once(self, tree: Tree, form: str, make: Maker) -> str:
        """Return the image of a tree, made now unless an earlier run left it."""
        digest = self._keys.of(tree) + form
        async with self._daemon.objects.once(digest):
            if (step := await self._daemon.results.find(digest)) is not None:
                return step.image
            image = await make(digest)
            await self._daemon.results.keep(digest, image)
            return image

    async def _import(self, tree: Tree, step: str, folder: str) -> str:
        """Import a tree's files, below a folder of the image."""

        def move(entry: tarfile.TarInfo) -> tarfile.TarInfo:
            name = tar.clean(entry.name)
            entry.name = f"{folder}/{name}".strip("/") or "."
            if entry.islnk():
                entry.linkname = f"{folder}/{tar.clean(entry.linkname)}".strip("/")
            return entry

        if isinstance(tree, Scratch):
            empty = [(tar.folder(folder.strip("/")), b"")] if folder else []
            return await self._daemon.docker.import_image(tar.pack(empty), self._daemon.objects.labels(step=step))
        async with self._reader.open(Location(tree)) as stream:
            moved = tar.transform(stream, move) if folder else stream
            return await self._daemon.docker.import_image(moved, self._daemon.objects.labels(step=step))

    async def _change_system(self, tree: Patched, step: str) -> str:
        """Change an image, with a layer for each copied folder: an image that is published shares them with others."""
        if isinstance(tree.operation, Remove):
            return await self._remove(tree.base, tree.operation, step, "")
        below, operations = tree.base, [tree.operation]
        while not isinstance(operations[0], CopyFolder) and isinstance(below, Patched):
            if isinstance(below.operation, Remove):
                break
            operations.insert(0, below.operation)
            below = below.base
        return await self._apply(await self.image(below), operations, step, "")

    async def _change_folder(self, tree: Patched, step: str) -> str:
        """Change a folder."""
        if isinstance(tree.operation, Remove):
            return await self._remove(tree.base, tree.operation, step, FOLDER)
        base, operations = flatten(tree)
        return await self._apply(await self.folder(base), operations, step, FOLDER)

    async def _apply(self, image: str, operations: list[Operation], step: str, folder: str) -> str:
        daemon = self._daemon
        async with daemon.objects.container({"Image": image, "Cmd": ["-"]}) as container:
            await self.writer.apply(container, operations, folder)
            return await daemon.docker.commit(container, daemon.objects.labels(step=step))

    async def _remove(self, base: Tree, operation: Remove, step: str, folder: str) -> str:
        # Docker's archive API cannot delete, so a static busybox does it inside, also in images that have no shell.
        daemon = self._daemon
        tools = await daemon.tools.get()
        script = "IFS=; cd / && rm -rf -- $1"  # a pattern, not split at spaces
        config = {
            "Image": await (self.folder(base) if folder else self.image(base)),
            "Entrypoint": [f"{tools.folder}/busybox", "sh", "-c", script, "rm"],
            "Cmd": [folder + posixpath.normpath("/" + operation.path)],
            "User": "0",
            "HostConfig": {"Mounts": [tools.mount], "NetworkMode": "none"},
        }
        async with daemon.objects.container(config) as container:
            await daemon.docker.start(container)
            if await daemon.docker.wait(container):
                raise EngineError(f"{operation.path}: could not be removed")
            return await daemon.docker.commit(container, daemon.objects.labels(step=step))


def is_system(tree: Tree) -> bool:
    """Return whether a tree is an image's whole file system, with changes or without; others are folders."""
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
