"""The API's Directory."""

import dataclasses
import posixpath
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from slipway_engine.api.base import Object
from slipway_engine.api.changeset import Changeset
from slipway_engine.api.context import Context
from slipway_engine.api.file import File
from slipway_engine.api.stat import Stat
from slipway_engine.errors import EngineError, Unsupported
from slipway_engine.files.export import export_folder
from slipway_engine.files.manifest import Manifest
from slipway_engine.files.patterns import escaped, glob_matches
from slipway_engine.model.container import ContainerSpec
from slipway_engine.model.operation import (
    CopyFile,
    CopyFolder,
    MakeFolder,
    MakeLink,
    Operation,
    Patched,
    Remove,
    WriteFile,
)
from slipway_engine.model.tree import Built, Difference, Filter, Image, Location, Scratch, Selected

NO_PATCHES = "files stay in Docker, where there is no git: apply it in a step whose image has git"
Patterns = tuple[str, ...] | list[str] | None


@dataclass(frozen=True)
class Directory(Object, Location):
    """A folder of a tree."""

    # Contents

    async def entries(self, ctx: Context, path: str | None = None) -> list[str]:
        """List the names in a folder; those of folders end in a slash."""
        found = await self._listing(ctx, path)
        names = sorted(name for name in found.entries if name and "/" not in name)
        return [_shown(name, found.entries[name][0]) for name in names]

    async def glob(self, ctx: Context, pattern: str) -> list[str]:
        """List the paths that a pattern names."""
        found = await self._listing(ctx)
        paths = sorted((p for p in found.entries if p and glob_matches(pattern, p)), key=lambda path: path.split("/"))
        return [_shown(path, found.entries[path][0]) for path in paths]

    async def exists(
        self, ctx: Context, path: str, expected_type: str | None = None, do_not_follow_symlinks: bool = False
    ) -> bool:
        """Return whether a path is there, of the expected type."""
        return await Stat.matches(ctx, self._below(path), expected_type, follow=not do_not_follow_symlinks)

    async def stat(self, ctx: Context, path: str, do_not_follow_symlinks: bool = False) -> Stat:
        """Describe a path."""
        return await Stat.of(ctx, self._below(path), follow=not do_not_follow_symlinks)

    async def find_up(self, ctx: Context, name: str, start: str) -> str | None:
        """Return the path of the nearest entry of that name, from a folder upwards."""
        entries = (await self._listing(ctx)).entries
        folder = posixpath.normpath("/" + start).strip("/")
        while True:
            candidate = f"{folder}/{name}".strip("/")
            if candidate in entries:
                return candidate
            if not folder:
                return None
            folder = posixpath.dirname(folder)

    def name(self, _: Context) -> str:
        """Return the folder's own name."""
        return posixpath.basename(self.path.rstrip("/")) + "/"

    async def digest(self, ctx: Context) -> str:
        """Return the digest of names, modes and contents."""
        manifest = await ctx.engine.trees.hashed_listing(self)
        return f"sha256:{manifest.digest}"

    async def sync(self, ctx: Context) -> str:
        """Evaluate the folder, and return its ID."""
        entries = (await self._listing(ctx)).entries
        if entries and entries.get("", ("f",))[0] != "d" and list(entries) == [posixpath.basename(self.path)]:
            raise EngineError(f"{self.path}: is not a directory")
        await ctx.engine.uploads.finish()
        return self.id(ctx)

    # Parts

    async def directory(self, ctx: Context, path: str) -> "Directory":
        """Return a folder in it."""
        return Directory(self.tree, self._below(path).path)

    async def file(self, ctx: Context, path: str) -> File:
        """Return a file in it."""
        return File(self.tree, self._below(path).path)

    def filter(
        self, _: Context, exclude: Patterns = None, include: Patterns = None, gitignore: bool = False
    ) -> "Directory":
        """Return the folder with only the entries that the patterns take."""
        chosen = Filter(tuple(include or ()), tuple(exclude or ()), gitignore)
        return self if chosen.trivial else Directory(Selected(location_of(self), chosen))

    def diff(self, _: Context, other: "Directory") -> "Directory":
        """Return what is new or changed in the other."""
        return Directory(Difference(location_of(self), location_of(other)))

    def changes(self, _: Context, from_: "Directory") -> Changeset:
        """Return the changes from another folder to this one, removals included."""
        return Changeset(location_of(from_), location_of(self))

    # Changed copies

    async def with_changes(self, ctx: Context, changes: Changeset) -> "Directory":
        """Return the folder with what was added, modified and removed elsewhere."""
        removed = [escaped(path) for path in await changes.removed_paths(ctx)]
        return self.filter(ctx, exclude=removed).with_directory(ctx, "/", Directory(changes.layer(ctx).tree))

    def with_patch(self, _: Context, patch: str) -> Self:
        """Refuse: there is no git beside the files in Docker."""
        raise Unsupported("Directory.withPatch", NO_PATCHES)

    def with_patch_file(self, _: Context, patch: File) -> Self:
        """Refuse: there is no git beside the files in Docker."""
        raise Unsupported("Directory.withPatchFile", NO_PATCHES)

    def with_directory(
        self,
        _: Context,
        path: str,
        source: "Directory",
        exclude: Patterns = None,
        include: Patterns = None,
        gitignore: bool = False,
        owner: str = "",
        permissions: int | None = None,
    ) -> Self:
        """Return the folder with another folder's contents in it."""
        chosen = Filter(tuple(include or ()), tuple(exclude or ()), gitignore)
        if self.tree == Scratch() and posixpath.normpath("/" + path) == "/" and chosen.trivial and not owner:
            return dataclasses.replace(self, tree=source.tree, path=source.path)
        return self._patched(CopyFolder(self._path(path), location_of(source), chosen, owner, permissions))

    def with_file(self, _: Context, path: str, source: File, permissions: int | None = None, owner: str = "") -> Self:
        """Return the folder with a copy of a file."""
        return self._patched(CopyFile(self._path(path), location_of(source), owner, permissions))

    def with_files(self, ctx: Context, path: str, sources: tuple[File, ...], permissions: int | None = None) -> Self:
        """Return the folder with copies of files in one folder."""
        result = self
        for source in sources:
            result = result.with_file(ctx, f"{path.rstrip('/')}/", source, permissions)
        return result

    def with_new_file(self, _: Context, path: str, contents: str, permissions: int = 0o644) -> Self:
        """Return the folder with a file of this text."""
        return self._patched(WriteFile(self._path(path), contents, permissions))

    def with_new_directory(self, _: Context, path: str, permissions: int = 0o644) -> Self:
        """Return the folder with a new folder."""
        return self._patched(MakeFolder(self._path(path), permissions))

    def with_symlink(self, _: Context, target: str, link_name: str) -> Self:
        """Return the folder with a symbolic link."""
        return self._patched(MakeLink(self._path(link_name), target))

    def with_timestamps(self, _: Context, timestamp: int) -> "Directory":
        """Return the folder with all times set, in seconds since 1970."""
        return Directory(Selected(location_of(self), timestamp=timestamp))

    def chown(self, _: Context, path: str, owner: str) -> "Directory":
        """Return the folder with a path and what is below it owned by another user."""
        return Directory(Selected(location_of(self), owner=owner, owned=posixpath.normpath("/" + path)))

    def without_directory(self, _: Context, path: str) -> Self:
        """Return the folder without a folder."""
        return self._patched(Remove(self._path(path)))

    def without_file(self, _: Context, path: str) -> Self:
        """Return the folder without a file."""
        return self._patched(Remove(self._path(path)))

    def without_files(self, _: Context, paths: list[str]) -> Self:
        """Return the folder without files."""
        result = self
        for path in paths:
            result = result.without_file(_, path)
        return result

    def with_error(self, _: Context, err: str) -> Self:
        """Fail with this message, unless it is empty."""
        if err:
            raise EngineError(err)
        return self

    # Ways out

    async def docker_build(
        self,
        ctx: Context,
        dockerfile: str = "Dockerfile",
        platform: str | None = None,
        build_args: list[dict[str, str]] | None = None,
        target: str = "",
        secrets: tuple[Any, ...] = (),
        no_init: bool = False,
        ssh: Any = None,
    ) -> ContainerSpec:
        """Build the folder's Dockerfile with the BuildKit inside Docker."""
        if secrets or ssh:
            raise Unsupported(
                "Directory.dockerBuild(secrets, ssh)",
                "the local engine opens no session with Docker's builder, which would ask for them there",
            )
        arguments = tuple((item["name"], item["value"]) for item in build_args or ())
        image = await ctx.engine.trees.images.image(
            Built(location_of(self), dockerfile, target, arguments, platform or "")
        )
        return ContainerSpec().with_image_config(await ctx.engine.daemon.images.inspect(image), Image(image))

    async def export(self, ctx: Context, path: str, wipe: bool = False) -> str:
        """Write the folder to the host; relative paths start in the command's folder."""
        target = Path(ctx.engine.workdir, path).resolve()
        async with ctx.engine.trees.open(self) as stream:
            await export_folder(stream, target, wipe=wipe)
        return str(target)

    async def terminal(
        self,
        ctx: Context,
        container: ContainerSpec | None = None,
        cmd: list[str] | None = None,
        experimental_privileged_nesting: bool = False,
        insecure_root_capabilities: bool = False,
    ) -> Self:
        """Open a shell in a container that has the folder mounted."""
        if experimental_privileged_nesting:
            raise Unsupported("Directory.terminal(experimentalPrivilegedNesting)")
        await ctx.engine.terminals.open_folder(self, container, cmd, insecure=insecure_root_capabilities)
        return self

    async def _listing(self, ctx: Context, path: str | None = None) -> Manifest:
        return await ctx.engine.trees.listing(self._below(path or "."))

    def _below(self, path: str) -> Location:
        return Location(self.tree, self._path(path))

    def _path(self, path: str) -> str:
        slash = "/" if path.endswith("/") else ""
        joined = posixpath.normpath(posixpath.join(self.path, path.lstrip("/")))
        return joined if joined == "/" else joined + slash

    def _patched(self, operation: Operation) -> Self:
        return dataclasses.replace(self, tree=Patched(self.tree, operation))


def location_of(value: Location) -> Location:
    """Return only the location, so that equal places are equal values."""
    return Location(value.tree, value.path)


def _shown(name: str, kind: str) -> str:
    return name + "/" if kind == "d" else name
