"""The API's Changeset and DiffStat: two folders compared.

A changeset returns folders as locations: they become Directories in the answer.
"""

import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from slipway_engine.api.base import Object
from slipway_engine.api.context import Context
from slipway_engine.api.file import File
from slipway_engine.errors import EngineError, Unsupported
from slipway_engine.files.changed_paths import ChangedPaths, collapse
from slipway_engine.files.export import export_folder
from slipway_engine.files.git_diff import Lines, count_lines
from slipway_engine.model.tree import PATCH, Difference, Location, PatchOf
from slipway_engine.trees.patches import changed_paths, stage_changes


@dataclass(frozen=True)
class DiffStat(Object):
    """How one path differs; the attributes have the names of the API's fields."""

    path: str
    kind: str
    added_lines: int = 0
    removed_lines: int = 0
    old_path: str | None = None


@dataclass(frozen=True)
class Changeset(Object):
    """What makes one folder of another."""

    lower: Location
    upper: Location

    def before(self, _: Context) -> Location:
        """Return the older folder."""
        return self.lower

    def after(self, _: Context) -> Location:
        """Return the newer folder."""
        return self.upper

    async def added_paths(self, ctx: Context) -> list[str]:
        """List files and folders that are new; those of folders end in a slash."""
        return list((await self._changed(ctx)).added)

    async def modified_paths(self, ctx: Context) -> list[str]:
        """List files that both have, with other contents or another mode."""
        return list((await self._changed(ctx)).modified)

    async def removed_paths(self, ctx: Context) -> list[str]:
        """List files and folders that are gone, without what was in such a folder."""
        return collapse((await self._changed(ctx)).removed)

    async def is_empty(self, ctx: Context) -> bool:
        """Return whether no file differs."""
        return not (await self._changed(ctx)).has_files

    async def diff_stats(self, ctx: Context) -> list[DiffStat]:
        """List every path that differs, with how many lines do."""
        found = await self._changed(ctx)
        async with stage_changes(ctx.engine.trees, self.lower, self.upper, found) as folders:
            lines = await count_lines(*folders)
        moved = {each.old_path for each in lines.values() if each.old_path}

        def stat(path: str, kind: str) -> DiffStat:
            each = lines.get(path, Lines(0, 0))
            return DiffStat(path, "RENAMED" if each.old_path else kind, each.added, each.removed, each.old_path)

        kinds = {"ADDED": found.added, "MODIFIED": found.modified, "REMOVED": found.removed}
        stats = [stat(path, kind) for kind, paths in kinds.items() for path in paths if path not in moved]
        return sorted(stats, key=lambda each: each.path)

    def layer(self, _: Context) -> Location:
        """Return what is new or changed, and nothing else."""
        return Location(Difference(self.lower, self.upper))

    def as_patch(self, _: Context) -> File:
        """Return it as a patch that git takes."""
        return File(PatchOf(self.lower, self.upper), f"/{PATCH}")

    async def export(self, ctx: Context, path: str) -> str:
        """Change a folder of the host in the same way."""
        target = Path(ctx.engine.workdir, path).resolve()
        for name in await self.removed_paths(ctx):
            _remove(target, name)
        async with ctx.engine.trees.open(Location(Difference(self.lower, self.upper))) as stream:
            await export_folder(stream, target, wipe=False)
        return str(target)

    def with_changeset(self, _: Context, changes: "Changeset", on_conflict: str = "FAIL") -> Any:
        """Refuse: it takes a merge."""
        raise Unsupported("Changeset.withChangeset")

    def with_changesets(self, _: Context, changes: tuple["Changeset", ...], on_conflict: str = "FAIL") -> Any:
        """Refuse: it takes a merge."""
        raise Unsupported("Changeset.withChangesets")

    def sync(self, ctx: Context) -> str:
        """Return its ID: as with a Dagger engine, nothing is compared yet."""
        return self.id(ctx)

    async def _changed(self, ctx: Context) -> ChangedPaths:
        return await changed_paths(ctx.engine.trees, self.lower, self.upper)


def _remove(target: Path, name: str) -> None:
    place = target / name.rstrip("/")
    if not place.parent.resolve().is_relative_to(target):
        raise EngineError(f"{target}: {name} would be removed outside of it, from {place.parent.resolve()}")
    try:
        if name.endswith("/") and not place.is_symlink():
            shutil.rmtree(place, ignore_errors=not place.exists())
        else:
            place.unlink(missing_ok=True)
    except OSError as error:
        raise EngineError(f"{place}: cannot be removed: {error.strerror}") from error
