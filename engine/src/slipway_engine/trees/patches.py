"""The files in which two trees differ, on the host for git, and the patch that git makes of them."""

import contextlib
import io
import posixpath
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path

from slipway_engine.files import tar
from slipway_engine.files.changed_paths import ChangedPaths
from slipway_engine.files.git_diff import make_patch
from slipway_engine.files.staging import stage
from slipway_engine.model.tree import PATCH, Location, PatchOf
from slipway_engine.trees.reader import Reader, Stream


async def changed_paths(reader: Reader, lower: Location, upper: Location) -> ChangedPaths:
    """Compare an older folder with a newer one."""
    return ChangedPaths.of(await reader.hashed_listing(lower), await reader.hashed_listing(upper))


@contextlib.asynccontextmanager
async def stage_changes(
    reader: Reader, lower: Location, upper: Location, changed: ChangedPaths
) -> AsyncIterator[tuple[Path, Path]]:
    """Put the files in which two folders differ on the host: as they are in the older and in the newer one."""
    with tempfile.TemporaryDirectory(prefix="slipway-") as folder:
        for name, location, paths in (("before", lower, changed.before), ("after", upper, changed.after)):
            Path(folder, name).mkdir()
            if paths:
                await _stage(reader, location, paths, Path(folder, name))
        yield Path(folder, "before"), Path(folder, "after")


@contextlib.asynccontextmanager
async def open_patch(reader: Reader, tree: PatchOf) -> AsyncIterator[AsyncIterator[bytes]]:
    """Read a patch as a tar stream of one file."""
    changed = await changed_paths(reader, tree.lower, tree.upper)
    async with stage_changes(reader, tree.lower, tree.upper, changed) as folders:
        made = await make_patch(*folders)
    yield tar.write(lambda: [(tar.regular(PATCH, len(made)), io.BytesIO(made))])


async def _stage(reader: Reader, location: Location, paths: frozenset[str], target: Path) -> None:
    def source(path: str) -> Stream:
        return reader.open(Location(location.tree, posixpath.join(location.path, path)) if path else location)

    await stage(source, "", target, lambda path: path if path in paths else None)
