"""Which sources these are, and of which commit."""

import hashlib
from collections.abc import Iterator, Sequence
from pathlib import Path, PurePosixPath

from pydantic import BaseModel, ConfigDict

from ci.agent.git import Git, GitError, open_repository

EXECUTABLE = 0o100
# The kinds of files, as git numbers them: regular, executable, link.
REGULAR, PROGRAM, LINK = 0o100644, 0o100755, 0o120000
# How many changed paths are shown.
SHOWN = 5
# How many folders with settings of their own are compared with the sources.
MOST_FOLDERS = 50
KNOWN_FILTERS = {"unspecified", "unset", "lfs"}


class Checkout(BaseModel):
    """Sources and their commit."""

    model_config = ConfigDict(frozen=True)

    # The sha256 over the sources' paths, kinds and contents: the same on every machine and engine.
    sources: str
    # All empty: there is no commit.
    commit: str = ""
    # The e-mail address of the commit's author.
    author: str = ""
    tags: tuple[str, ...] = ()
    # Whether the sources differ from the commit's, or whether that cannot be known.
    dirty: bool = False
    # Paths that differ from the commit's, as many as are shown.
    changes: tuple[str, ...] = ()
    # Why the sources cannot be compared with a commit, and what to do; empty: they can.
    problem: str = ""


def read_checkout(
    repository: Path, sources: Path, folder: str, beside: Sequence[str] = (), more: Sequence[str] = ()
) -> Checkout:
    """Describe the sources: those in `folder` and `more` paths, which other files `beside` them make dirty as well.

    `repository` holds the repository's `.git`; `sources` holds the repository's files, or those of one of its folders.
    """
    digest = _digest(sources, [folder, *more])
    try:
        with open_repository(repository / ".git") as git:
            commit = git.head() if git else ""
            if git is None or not commit:
                return Checkout(sources=digest)
            changes = _find_changes(git, sources, [folder, *more, *beside])
            author, tags = git.author(), git.tags()
    except GitError as error:
        return Checkout(sources=digest, dirty=True, problem=str(error))
    return Checkout(
        sources=digest, commit=commit, author=author, tags=tags, dirty=bool(changes), changes=tuple(changes[:SHOWN])
    )


def _find_changes(git: Git, sources: Path, paths: Sequence[str]) -> list[str]:
    """Return the changed paths; the sources are those of the repository's folder where the fewest have changed."""
    folders = git.folders_with(PurePosixPath(paths[-1]).name)[:MOST_FOLDERS] if len(paths) > 1 else []
    found = [_find_changes_in(git, sources, folder, paths) for folder in folders or [""]]
    return min(found, key=len)


def _find_changes_in(git: Git, sources: Path, folder: str, paths: Sequence[str]) -> list[str]:
    with git.work_tree(sources, folder, paths) as tree:
        if filters := tree.filters() - KNOWN_FILTERS:
            raise GitError(
                f"files pass through the git filter {min(filters)}, which the pipeline does not run: commit the files "
                "without it, or keep them out of the service's folder"
            )
        return tree.changes()


def _digest(root: Path, paths: Sequence[str]) -> str:
    files = {file for path in paths for file in _files(root, path)}
    lines = "".join(f"{kind:o} {content} {path}\n" for path, kind, content in sorted(files))
    return hashlib.sha256(lines.encode(errors="surrogateescape")).hexdigest()


def _files(root: Path, folder: str) -> Iterator[tuple[str, int, str]]:
    """Return each file's path, kind, and the sha256 of its content."""
    start = root / folder
    for file in start.rglob("*") if start.is_dir() else [start]:
        name = file.relative_to(root).as_posix()
        if file.is_symlink():
            yield name, LINK, hashlib.sha256(str(file.readlink()).encode(errors="surrogateescape")).hexdigest()
        elif file.is_file():
            kind = PROGRAM if file.stat().st_mode & EXECUTABLE else REGULAR
            with file.open("rb") as content:
                yield name, kind, hashlib.file_digest(content, "sha256").hexdigest()
