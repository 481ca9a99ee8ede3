"""Patches that `git apply` takes, and counts of changed lines: git makes them of two folders of the host."""

import asyncio
import contextlib
import os
import tempfile
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

from slipway_engine.errors import EngineError

# Contents are compared as they are, even if there is a .gitattributes among them.
ATTRIBUTES = "* -text -filter -ident -working-tree-encoding\n"
NO_SETTINGS = {"GIT_CONFIG_NOSYSTEM": "1", "GIT_CONFIG_GLOBAL": os.devnull, "HOME": os.devnull, "LC_ALL": "C"}


@dataclass(frozen=True)
class Lines:
    """How many lines of a file differ; `old_path` is its earlier path where it was renamed."""

    added: int
    removed: int
    old_path: str | None = None


async def make_patch(before: Path, after: Path) -> bytes:
    """Return the patch that makes one folder the other; empty when no file differs."""
    async with _compare(before, after) as git:
        return await git("diff", "--binary")


async def count_lines(before: Path, after: Path) -> dict[str, Lines]:
    """Return the changed lines of each file that differs, by its path; none of a binary one."""
    async with _compare(before, after) as git:
        fields = (await git("diff", "--numstat", "-z")).decode(errors="surrogateescape").split("\0")[:-1]
    found = {}
    while fields:
        added, removed, path = fields.pop(0).split("\t", 2)
        old = None
        if not path:  # renamed: both paths follow
            old, path = fields.pop(0), fields.pop(0)
        found[path] = Lines(_count(added), _count(removed), old)
    return found


class Git:
    """Git in an empty repository, without the settings of user and machine; it compares two trees."""

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

    async def run(self, *arguments: str, folder: Path | None = None) -> bytes:
        """Run git and return what it prints; raises EngineError with git's own message."""
        environ = os.environ | NO_SETTINGS | {"GIT_DIR": str(self._repository)}
        if folder is not None:
            environ["GIT_WORK_TREE"] = str(folder)
        try:
            process = await asyncio.create_subprocess_exec(
                "git",
                *arguments,
                cwd=folder,
                env=environ,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.PIPE,
            )
        except FileNotFoundError as error:
            raise EngineError("git is not in the PATH, and patches are made by it: install git") from error
        out, err = await process.communicate()
        if process.returncode:
            raise EngineError(f"git {arguments[0]}: {err.decode(errors='replace').strip()}")
        return out


@contextlib.asynccontextmanager
async def _compare(before: Path, after: Path) -> AsyncIterator[Git]:
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
