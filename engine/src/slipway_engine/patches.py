"""Patches that `git apply` takes, and counts of changed lines, made by git itself of what differs in two folders."""

import asyncio
import contextlib
import io
import os
import posixpath
import tempfile
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from slipway_engine import tar
from slipway_engine.comparison import Comparison
from slipway_engine.errors import EngineError
from slipway_engine.staging import stage
from slipway_engine.trees import PATCH, Location, PatchOf

if TYPE_CHECKING:
    from slipway_engine.engine import Engine

# Contents count as they are, whatever a .gitattributes among them says.
ATTRIBUTES = "* -text -filter -ident -working-tree-encoding\n"
NOBODYS_SETTINGS = {"GIT_CONFIG_NOSYSTEM": "1", "GIT_CONFIG_GLOBAL": os.devnull, "HOME": os.devnull, "LC_ALL": "C"}


@dataclass(frozen=True)
class Lines:
    """How many lines of a file differ; `old_path` is its earlier path where it was renamed."""

    added: int
    removed: int
    old_path: str | None = None


async def patch(before: Path, after: Path) -> bytes:
    """Return the patch that makes one folder the other; empty when no file differs."""
    async with _compared(before, after) as git:
        return await git("diff", "--binary")


async def lines(before: Path, after: Path) -> dict[str, Lines]:
    """Return the changed lines of each file that differs, by its path; none of a binary one."""
    async with _compared(before, after) as git:
        words = (await git("diff", "--numstat", "-z")).decode(errors="surrogateescape").split("\0")[:-1]
    found = {}
    while words:
        added, removed, path = words.pop(0).split("\t", 2)
        old = None
        if not path:  # renamed: both paths follow
            old, path = words.pop(0), words.pop(0)
        found[path] = Lines(_count(added), _count(removed), old)
    return found


@contextlib.asynccontextmanager
async def staged(
    engine: "Engine", lower: Location, upper: Location, found: Comparison
) -> AsyncIterator[tuple[Path, Path]]:
    """Have the files in which two folders differ on the host: as they are in the one and in the other."""
    with tempfile.TemporaryDirectory(prefix="slipway-") as folder:
        for name, location, paths in (("before", lower, found.before), ("after", upper, found.after)):
            Path(folder, name).mkdir()
            if paths:
                await _stage(engine, location, paths, Path(folder, name))
        yield Path(folder, "before"), Path(folder, "after")


@contextlib.asynccontextmanager
async def open_patch(engine: "Engine", tree: PatchOf) -> AsyncIterator[AsyncIterator[bytes]]:
    """Read a patch as a tar stream of one file."""
    solver = engine.solver
    found = Comparison.of(await solver.hashed(tree.lower), await solver.hashed(tree.upper))
    async with staged(engine, tree.lower, tree.upper, found) as folders:
        made = await patch(*folders)
    yield tar.write(lambda: [(tar.regular(PATCH, len(made)), io.BytesIO(made))])


async def _stage(engine: "Engine", location: Location, paths: frozenset[str], target: Path) -> None:
    def source(path: str) -> AbstractAsyncContextManager[AsyncIterator[bytes]]:
        return engine.solver.open(Location(location.tree, posixpath.join(location.path, path)) if path else location)

    await stage(source, "", target, lambda path: path if path in paths else None)


class Git:
    """Git in a repository of its own, in which nobody's settings count; a diff is that of two trees."""

    def __init__(self, repository: Path) -> None:
        """Use a repository."""
        self._repository = repository
        self._trees: list[str] = []

    async def __call__(self, command: str, *flags: str) -> bytes:
        """Run a command on the trees that were taken."""
        return await self.run(command, "--no-ext-diff", "--no-textconv", "--find-renames", *flags, *self._trees)

    async def take(self, folder: Path) -> None:
        """Take a folder's files as a tree."""
        await self.run("read-tree", "--empty")
        await self.run("add", "--all", "--force", ".", folder=folder)
        self._trees.append((await self.run("write-tree")).decode().strip())

    async def run(self, *words: str, folder: Path | None = None) -> bytes:
        """Run git and return what it prints; raises EngineError with git's own words."""
        environ = os.environ | NOBODYS_SETTINGS | {"GIT_DIR": str(self._repository)}
        if folder is not None:
            environ["GIT_WORK_TREE"] = str(folder)
        try:
            process = await asyncio.create_subprocess_exec(
                "git", *words, cwd=folder, env=environ, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
            )
        except FileNotFoundError as error:
            raise EngineError("git is not in the PATH, and patches are made by it: install git") from error
        out, err = await process.communicate()
        if process.returncode:
            raise EngineError(f"git {words[0]}: {err.decode(errors='replace').strip()}")
        return out


@contextlib.asynccontextmanager
async def _compared(before: Path, after: Path) -> AsyncIterator[Git]:
    with tempfile.TemporaryDirectory(prefix="slipway-") as folder:
        git = Git(Path(folder))
        await git.run("init", "--quiet", "--bare", "--template=", folder)
        Path(folder, "info").mkdir(exist_ok=True)
        Path(folder, "info", "attributes").write_text(ATTRIBUTES)
        for tree in (before, after):
            tree.mkdir(exist_ok=True)
            await git.take(tree)
        yield git


def _count(text: str) -> int:
    return int(text) if text.isdigit() else 0
