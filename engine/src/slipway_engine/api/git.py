"""The API's GitRepository and GitRef."""

import re
from dataclasses import dataclass

from slipway_engine.api.base import Object
from slipway_engine.api.context import Context
from slipway_engine.api.directory import Directory
from slipway_engine.errors import EngineError
from slipway_engine.model.tree import GitTree
from slipway_engine.trees.sources import git

COMMIT = re.compile(r"[0-9a-f]{40}")


@dataclass(frozen=True)
class GitRepository(Object):
    """A repository that git can reach."""

    address: str
    keep_git_dir: bool = False

    def url(self, _: Context) -> str:
        """Return its URL."""
        return self.address

    async def head(self, ctx: Context) -> "GitRef":
        """Return the default branch."""
        return await self.ref(ctx, "HEAD")

    async def branch(self, ctx: Context, name: str) -> "GitRef":
        """Return a branch."""
        return await self.ref(ctx, f"refs/heads/{name.removeprefix('refs/heads/')}")

    async def tag(self, ctx: Context, name: str) -> "GitRef":
        """Return a tag."""
        return await self.ref(ctx, f"refs/tags/{name.removeprefix('refs/tags/')}")

    def commit(self, _: Context, id: str) -> "GitRef":
        """Return a commit."""
        if not COMMIT.fullmatch(id):
            raise EngineError(f"{id!r}: is not a commit: give all 40 digits")
        return GitRef(self.address, id, id, self.keep_git_dir)

    async def ref(self, ctx: Context, name: str) -> "GitRef":
        """Return a branch, a tag or a commit; raises EngineError when there is no such thing."""
        if COMMIT.fullmatch(name):
            return self.commit(ctx, name)
        found = await self._refs()
        for candidate in (name, f"refs/heads/{name}", f"refs/tags/{name}"):
            if candidate in found:
                commit = found.get(candidate + "^{}", found[candidate])
                return GitRef(self.address, candidate, commit, self.keep_git_dir)
        raise EngineError(f"{self.address}: has no ref {name!r}")

    async def branches(self, _: Context, patterns: list[str] | None = None) -> list[str]:
        """List the branches."""
        return await self._names("refs/heads/", patterns)

    async def tags(self, _: Context, patterns: list[str] | None = None) -> list[str]:
        """List the tags."""
        return await self._names("refs/tags/", patterns)

    async def _names(self, prefix: str, patterns: list[str] | None) -> list[str]:
        found = await self._refs(*(patterns or ()))
        return [name.removeprefix(prefix) for name in found if name.startswith(prefix) and not name.endswith("^{}")]

    async def _refs(self, *patterns: str) -> dict[str, str]:
        lines = (await git("ls-remote", "--", self.address, *patterns)).splitlines()
        return {name: commit for commit, _, name in (line.partition("\t") for line in lines)}


@dataclass(frozen=True)
class GitRef(Object):
    """A commit, and how it was asked for."""

    address: str
    name: str
    commit_id: str
    keep_git_dir: bool = False

    def commit(self, _: Context) -> str:
        """Return the commit."""
        return self.commit_id

    def ref(self, _: Context) -> str:
        """Return the full name of the ref."""
        return self.name

    def tree(self, _: Context, discard_git_dir: bool = False, depth: int = 1, include_tags: bool = False) -> Directory:
        """Return its files."""
        return Directory(GitTree(self.address, self.commit_id, self.keep_git_dir and not discard_git_dir))
