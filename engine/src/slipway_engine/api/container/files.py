"""A container's files and mounts."""

import posixpath
from typing import Self

from slipway_engine.api.container.state import State
from slipway_engine.api.context import Context
from slipway_engine.api.directory import Directory, Patterns, location_of
from slipway_engine.api.file import File
from slipway_engine.api.host import Socket
from slipway_engine.api.volume import CacheVolume
from slipway_engine.errors import Unsupported
from slipway_engine.model.operation import CopyFile, CopyFolder, MakeLink, Patched, Remove, WriteFile
from slipway_engine.model.secret import Secret
from slipway_engine.model.step import CacheMount, FileMount, FolderMount, SecretMount, SocketMount, TempMount
from slipway_engine.model.tree import Filter, Scratch


class Files(State):
    """The fields that return a container with other files or mounts."""

    def with_rootfs(self, _: Context, directory: Directory) -> Self:
        """Replace the whole file system."""
        if directory.path == "/":
            return self.replace(rootfs_tree=directory.tree)
        return self.replace(rootfs_tree=Patched(Scratch(), CopyFolder("/", location_of(directory))))

    def with_directory(
        self,
        _: Context,
        path: str,
        source: Directory,
        exclude: Patterns = None,
        include: Patterns = None,
        gitignore: bool = False,
        owner: str = "",
        expand: bool = False,
        permissions: int | None = None,
    ) -> Self:
        """Copy a folder's contents to a path."""
        chosen = Filter(tuple(include or ()), tuple(exclude or ()), gitignore)
        return self.with_operation(
            self.absolute_path(path, expand),
            lambda place: CopyFolder(place, location_of(source), chosen, owner, permissions),
        )

    def with_file(
        self,
        _: Context,
        path: str,
        source: File,
        permissions: int | None = None,
        owner: str = "",
        expand: bool = False,
    ) -> Self:
        """Copy a file to a path."""
        return self.with_operation(
            self.absolute_path(path, expand), lambda place: CopyFile(place, location_of(source), owner, permissions)
        )

    def with_files(
        self,
        ctx: Context,
        path: str,
        sources: tuple[File, ...],
        permissions: int | None = None,
        owner: str = "",
        expand: bool = False,
    ) -> Self:
        """Copy files into a folder."""
        result = self
        for source in sources:
            result = result.with_file(ctx, f"{path.rstrip('/')}/", source, permissions, owner, expand)
        return result

    def with_new_file(
        self,
        _: Context,
        path: str,
        contents: str,
        permissions: int = 0o644,
        owner: str = "",
        expand: bool = False,
    ) -> Self:
        """Write a file of this text."""
        return self.with_operation(
            self.absolute_path(path, expand), lambda place: WriteFile(place, contents, permissions, owner)
        )

    def with_symlink(self, _: Context, target: str, link_name: str, expand: bool = False) -> Self:
        """Make a symbolic link."""
        text = self.expand_variables(target, expand)
        return self.with_operation(self.absolute_path(link_name, expand), lambda place: MakeLink(place, text))

    def without_directory(self, _: Context, path: str, expand: bool = False) -> Self:
        """Remove a folder."""
        return self.with_operation(self.absolute_path(path, expand), Remove)

    def without_file(self, _: Context, path: str, expand: bool = False) -> Self:
        """Remove a file."""
        return self.with_operation(self.absolute_path(path, expand), Remove)

    def without_files(self, ctx: Context, paths: list[str], expand: bool = False) -> Self:
        """Remove files."""
        result = self
        for path in paths:
            result = result.without_file(ctx, path, expand)
        return result

    def with_mounted_directory(
        self,
        _: Context,
        path: str,
        source: Directory,
        owner: str = "",
        read_only: bool = False,
        expand: bool = False,
    ) -> Self:
        """Mount a folder."""
        return self.with_mount(FolderMount(self._target(path, expand), location_of(source), owner, read_only))

    def with_mounted_file(self, _: Context, path: str, source: File, owner: str = "", expand: bool = False) -> Self:
        """Mount a file."""
        return self.with_mount(FileMount(self._target(path, expand), location_of(source), owner))

    def with_mounted_cache(
        self,
        _: Context,
        path: str,
        cache: CacheVolume,
        source: Directory | None = None,
        sharing: str = "SHARED",
        owner: str = "",
        expand: bool = False,
    ) -> Self:
        """Mount a volume that outlives the session."""
        start = location_of(source) if source else cache.start
        sharing = sharing if sharing != "SHARED" else cache.sharing_mode
        return self.with_mount(
            CacheMount(self._target(path, expand), cache.key, sharing, start, owner or cache.owner_name)
        )

    def with_mounted_temp(self, _: Context, path: str, size: int | None = None, expand: bool = False) -> Self:
        """Mount a file system in memory, of `size` bytes at most."""
        return self.with_mount(TempMount(self._target(path, expand), size))

    def with_mounted_secret(
        self, _: Context, path: str, source: Secret, owner: str = "", mode: int = 0o400, expand: bool = False
    ) -> Self:
        """Mount a secret as a file."""
        return self.with_mount(SecretMount(self._target(path, expand), source, owner, mode))

    def with_unix_socket(self, _: Context, path: str, source: Socket, owner: str = "", expand: bool = False) -> Self:
        """Mount a socket of the host."""
        if owner:
            raise Unsupported("Container.withUnixSocket(owner)", "the socket is the host's own, mounted as it is")
        return self.with_mount(SocketMount(self._target(path, expand), source.path))

    def without_unix_socket(self, ctx: Context, path: str, expand: bool = False) -> Self:
        """Remove a socket."""
        return self.without_mount(ctx, path, expand)

    def without_mount(self, _: Context, path: str, expand: bool = False) -> Self:
        """Remove a mount."""
        target = self._target(path, expand)
        return self.replace(mount_items=tuple(mount for mount in self.mount_items if mount.path != target))

    def _target(self, path: str, expand: bool) -> str:
        return posixpath.normpath(self.absolute_path(path, expand))
