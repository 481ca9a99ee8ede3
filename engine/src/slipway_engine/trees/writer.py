"""Writing into containers before they start: each operation becomes one tar stream for Docker's archive API."""

import posixpath
import tarfile
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace

from slipway_engine.docker.client import Docker
from slipway_engine.errors import EngineError, UsageError
from slipway_engine.files import tar
from slipway_engine.model.operation import CopyFile, CopyFolder, MakeFolder, MakeLink, Operation, WriteFile
from slipway_engine.model.tree import Location, Selected, Tree
from slipway_engine.trees.reader import Reader

Owner = tuple[int, int]


class Writer:
    """Writes into containers that were created and not started."""

    def __init__(self, docker: Docker, reader: Reader) -> None:
        """Write what a reader reads."""
        self._docker, self._reader = docker, reader

    async def apply(self, container: str, operations: list[Operation], folder: str = "") -> None:
        """Apply operations in their order, below a folder; owners' names are those that the container knows."""
        for each in operations:
            operation = replace(each, path=folder + posixpath.join("/", each.path))
            match operation:
                case CopyFolder():
                    await self._copy_folder(container, operation)
                case CopyFile():
                    await self._copy_file(container, operation)
                case WriteFile():
                    owner = await self.owner_in(container, operation.owner) or (0, 0)
                    data = operation.contents.encode()
                    entry = tar.regular("", len(data), _mode(operation.permissions, 0o644), *owner)
                    await self._put(container, operation.path, [(entry, data)])
                case MakeFolder():
                    owner = await self.owner_in(container, operation.owner) or (0, 0)
                    await self._put(
                        container, operation.path, [(tar.folder("", _mode(operation.permissions, 0o755), *owner), b"")]
                    )
                case MakeLink():
                    await self._put(container, operation.path, [(tar.link("", operation.target), b"")])

    async def fill(
        self, container: str, path: str, source: Location, owner: Owner | None = None, without: Sequence[str] = ()
    ) -> None:
        """Fill a folder that is there, such as a volume's mount point, from a location.

        `without` names folders in it that are left alone, since something else is mounted there.
        """
        hidden = [posixpath.relpath(folder, path) for folder in without]

        def change(entry: tarfile.TarInfo) -> tarfile.TarInfo | None:
            name = tar.clean(entry.name)
            if any(name.startswith(folder + "/") for folder in hidden):
                return None
            # Named from the root on: Docker leaves the folder that it unpacks into as it is.
            entry.name = f"{path}/{name}".strip("/")
            if entry.islnk():
                entry.linkname = f"{path}/{tar.clean(entry.linkname)}".strip("/")
            return _own(entry, owner) if owner else entry

        async with self._reader.open(source) as stream:
            if owner is None and not hidden:
                await self._docker.put(container, path, stream)
            else:
                await self._docker.put(container, "/", tar.transform(stream, change))

    async def owner(self, tree: Tree, owner: str) -> Owner | None:
        """Return the user and group IDs of `user[:group]`, names or numbers, as a tree's /etc/passwd has them.

        Raises UsageError for a name that is not in there.
        """
        return await _owner(owner, lambda file: self._reader.contents(Location(tree, file)))

    async def owner_in(self, container: str, owner: str) -> Owner | None:
        """Return the IDs as a container's own /etc/passwd has them."""

        async def contents(file: str) -> bytes:
            async with self._docker.get(container, file) as stream:
                return await tar.read(stream, tar.first_file) or b""

        return await _owner(owner, contents)

    async def _copy_folder(self, container: str, operation: CopyFolder) -> None:
        source = operation.source
        if not operation.filter.trivial:
            source = Location(Selected(source, operation.filter))
        owner = await self.owner_in(container, operation.owner)
        place, missing = await self._place(container, operation.path)
        prefix, mode = place.strip("/"), operation.permissions

        def change(entry: tarfile.TarInfo) -> tarfile.TarInfo | None:
            name = tar.clean(entry.name)
            if not name and not missing:
                return None
            entry.name = f"{prefix}/{name}".strip("/")
            if entry.islnk():
                entry.linkname = f"{prefix}/{tar.clean(entry.linkname)}".strip("/")
            if owner:
                _own(entry, owner)
            if mode is not None:
                entry.mode = mode
            return entry

        await self._make(container, missing[:-1])
        async with self._reader.open(source) as stream:
            plain = not missing and owner is None and mode is None
            await self._docker.put(
                container, place if plain else "/", stream if plain else tar.transform(stream, change)
            )

    async def _copy_file(self, container: str, operation: CopyFile) -> None:
        owner = await self.owner_in(container, operation.owner)
        path = operation.path
        if path.endswith("/"):
            path += posixpath.basename(operation.source.path)
        folder, missing = await self._place(container, posixpath.dirname(posixpath.normpath("/" + path)))
        await self._make(container, missing)

        def change(entry: tarfile.TarInfo) -> tarfile.TarInfo:
            if entry.isdir():
                raise EngineError(f"{operation.source.path}: is a directory, not a file")
            entry.name = posixpath.basename(path)
            if owner:
                _own(entry, owner)
            if operation.permissions is not None:
                entry.mode = operation.permissions
            return entry

        async with self._reader.open(operation.source) as stream:
            await self._docker.put(container, folder, tar.transform(stream, change))

    async def _put(self, container: str, path: str, content: list[tuple[tarfile.TarInfo, bytes]]) -> None:
        path = posixpath.normpath("/" + path)
        if path == "/":
            return
        folder, missing = await self._place(container, posixpath.dirname(path))
        await self._make(container, missing)
        entry, data = content[0]
        entry.name = posixpath.basename(path)
        await self._docker.put(container, folder, tar.pack([(entry, data)]))

    async def _make(self, container: str, folders: list[str]) -> None:
        if folders:
            await self._docker.put(container, "/", tar.pack((tar.folder(f.strip("/")), b"") for f in folders))

    async def _place(self, container: str, path: str) -> tuple[str, list[str]]:
        """Return the real path of a folder, its links followed, and those of its parts that are not there yet."""
        path = posixpath.normpath("/" + path)
        found = await self._docker.stat(container, path, follow=True)
        if found is not None or path == "/":
            return (found.path if found else path), []
        parent, missing = await self._place(container, posixpath.dirname(path))
        place = posixpath.join(parent, posixpath.basename(path))
        return place, [*missing, place]


async def _owner(owner: str, contents: Callable[[str], Awaitable[bytes]]) -> Owner | None:
    if not owner:
        return None
    user, _, group = owner.partition(":")
    uid, own_group = await _look_up("/etc/passwd", user, contents)
    return uid, (await _look_up("/etc/group", group, contents))[0] if group else own_group


async def _look_up(file: str, name: str, contents: Callable[[str], Awaitable[bytes]]) -> Owner:
    if name.isdigit():
        return int(name), int(name)
    try:
        text = (await contents(file)).decode(errors="replace")
    except EngineError:
        text = ""
    for line in text.splitlines():
        parts = line.split(":")
        if parts[0] == name:
            return int(parts[2]), int(parts[3]) if parts[3].isdigit() else int(parts[2])
    raise UsageError(f"owner {name!r}: no such name in {file}: use a number, or a name that the image knows")


def _own(entry: tarfile.TarInfo, owner: Owner) -> tarfile.TarInfo:
    entry.uid, entry.gid = owner
    entry.uname = entry.gname = ""
    return entry


def _mode(permissions: int | None, default: int) -> int:
    return default if permissions is None else permissions
