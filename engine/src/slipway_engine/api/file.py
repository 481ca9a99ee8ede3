"""The API's File."""

import dataclasses
import posixpath
from dataclasses import dataclass
from pathlib import Path

from slipway_engine.api.base import Object
from slipway_engine.api.context import Context
from slipway_engine.api.stat import Stat
from slipway_engine.errors import EngineError
from slipway_engine.model.operation import CopyFile, Patched, WriteFile
from slipway_engine.model.tree import Location, Scratch, Selected


@dataclass(frozen=True)
class File(Object, Location):
    """A file of a tree."""

    async def contents(self, ctx: Context, offset_lines: int | None = None, limit_lines: int | None = None) -> str:
        """Return the file's text, or some of its lines."""
        text = (await ctx.engine.trees.contents(self)).decode(errors="replace")
        if offset_lines is None and limit_lines is None:
            return text
        start = offset_lines or 0
        lines = text.splitlines(keepends=True)
        return "".join(lines[start : None if limit_lines is None else start + limit_lines])

    async def size(self, ctx: Context) -> int:
        """Return the file's size in bytes."""
        return len(await ctx.engine.trees.contents(self))

    def name(self, _: Context) -> str:
        """Return the file's name."""
        return posixpath.basename(self.path)

    async def digest(self, ctx: Context, exclude_metadata: bool = False) -> str:
        """Return the digest of the contents, and of the mode unless metadata is excluded."""
        manifest = await ctx.engine.trees.hashed_listing(self)
        ((kind, _, inside),) = manifest.entries.values()
        if kind != "f":
            raise EngineError(f"{self.path}: is a directory, not a file")
        return f"sha256:{inside}" if exclude_metadata else f"sha256:{manifest.digest}"

    async def stat(self, ctx: Context) -> Stat:
        """Describe the file."""
        return await Stat.of(ctx, self, follow=True)

    async def sync(self, ctx: Context) -> str:
        """Evaluate the file, and return its ID."""
        if await ctx.engine.trees.stat(self, follow=True) is None:
            raise EngineError(f"{self.path}: no such file or directory")
        await ctx.engine.uploads.finish()
        return self.id(ctx)

    def with_name(self, _: Context, name: str) -> "File":
        """Return the file under another name."""
        return File(Patched(Scratch(), CopyFile(f"/{name}", Location(self.tree, self.path))), f"/{name}")

    def with_timestamps(self, _: Context, timestamp: int) -> "File":
        """Return the file with its times set, in seconds since 1970."""
        folder, name = posixpath.split(self.path)
        return File(Selected(Location(self.tree, folder), timestamp=timestamp), f"/{name}")

    def chown(self, _: Context, owner: str) -> "File":
        """Return the file owned by another user."""
        folder, name = posixpath.split(self.path)
        return File(Selected(Location(self.tree, folder), owner=owner, owned=f"/{name}"), f"/{name}")

    async def with_replaced(
        self,
        ctx: Context,
        search: str,
        replacement: str,
        all: bool = False,
        first_from: int | None = None,
    ) -> "File":
        """Return the file with a text replaced: the only place, all of them, or the first from a line on."""
        text = await self.contents(ctx)
        if all:
            text = text.replace(search, replacement)
        else:
            start = len("".join(text.splitlines(keepends=True)[: (first_from or 1) - 1]))
            place = text.find(search, start)
            if place < 0:
                raise EngineError(f"{self.path}: {search!r} was not found")
            if first_from is None and text.find(search, place + 1) >= 0:
                raise EngineError(f"{self.path}: {search!r} was found multiple times: use all or firstFrom")
            text = text[:place] + replacement + text[place + len(search) :]
        mode = (await self.stat(ctx)).permissions
        return dataclasses.replace(self, tree=Patched(self.tree, WriteFile(self.path, text, mode)))

    async def export(self, ctx: Context, path: str, allow_parent_dir_path: bool = False) -> str:
        """Write the file to the host; relative paths start in the command's folder."""
        target = Path(ctx.engine.workdir, path)
        if target.is_dir() or path.endswith("/"):
            if not allow_parent_dir_path:
                raise EngineError(f"{path}: is a directory: name the file to write")
            target /= posixpath.basename(self.path)
        await ctx.engine.trees.export(self, target)
        return str(target.resolve())
