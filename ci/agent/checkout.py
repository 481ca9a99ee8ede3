"""`python -m ci.agent.checkout REPOSITORY SOURCES FOLDER FILE…`: which sources these are, and of which commit.

Run in a step, where REPOSITORY holds the checkout's `.git` and SOURCES its files: those in FOLDER are the sources, and
changes in FILEs beside it make them dirty as well. Prints a Checkout as JSON.
"""

import hashlib
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import BaseModel, ConfigDict

if TYPE_CHECKING:
    from dulwich.objects import Commit
    from dulwich.repo import Repo

TAGS = b"refs/tags/"
EXECUTABLE = 0o100
# What a file is in git: a regular one, one that can be executed, or a link.
REGULAR, PROGRAM, LINK = 0o100644, 0o100755, 0o120000

# By path: what kind of file it is, and its name in git, which is a hash of what it holds.
Files = Mapping[str, tuple[int, bytes]]


class Checkout(BaseModel):
    """Sources and where they come from."""

    model_config = ConfigDict(frozen=True)

    # The sha256 over the sources' paths, kinds and contents: the same on every machine and engine.
    sources: str
    # All empty: it is no checkout.
    commit: str = ""
    # The e-mail address of who wrote the commit.
    author: str = ""
    tags: tuple[str, ...] = ()
    # Whether the sources are others than the commit's.
    dirty: bool = False


def read_checkout(repository: Path, sources: Path, folder: str, beside: Sequence[str] = ()) -> Checkout:
    """Describe the sources in a folder of a repository."""
    from dulwich.errors import NotGitRepository  # noqa: PLC0415 - only the step that runs this has it
    from dulwich.objects import Commit  # noqa: PLC0415 - the same
    from dulwich.repo import Repo  # noqa: PLC0415 - the same

    paths = [folder, *beside]
    found = dict(_source_files(sources, paths))
    digest = _digest({path: file for path, file in found.items() if _is_below(path, folder)})
    try:
        with Repo(str(repository)) as repo:
            commit = repo[repo.head()]
            if isinstance(commit, Commit):
                return _describe(repo, commit, found, digest, paths)
    except (NotGitRepository, KeyError):
        # There is none, or one without a commit.
        pass
    return Checkout(sources=digest)


def _describe(repo: "Repo", commit: "Commit", found: Files, digest: str, paths: Sequence[str]) -> Checkout:
    from dulwich.ignore import IgnoreFilterManager  # noqa: PLC0415 - only the step that runs this has it

    committed = dict(_committed_files(repo, commit, paths))
    manager = IgnoreFilterManager.from_repo(repo)
    present = {path: file for path, file in found.items() if path in committed or not manager.is_ignored(path)}
    return Checkout(
        sources=digest,
        commit=commit.id.decode(),
        author=commit.author.partition(b"<")[2].partition(b">")[0].decode(errors="replace"),
        tags=tuple(sorted(_tags(repo, commit))),
        dirty=present != committed,
    )


def _source_files(root: Path, paths: Sequence[str]) -> Iterator[tuple[str, tuple[int, bytes]]]:
    from dulwich.objects import Blob  # noqa: PLC0415 - only the step that runs this has it

    for path in paths:
        start = root / path
        for file in sorted(start.rglob("*")) if start.is_dir() else [start]:
            name = file.relative_to(root).as_posix()
            if file.is_symlink():
                yield name, (LINK, Blob.from_string(str(file.readlink()).encode()).id)
            elif file.is_file():
                kind = PROGRAM if file.stat().st_mode & EXECUTABLE else REGULAR
                yield name, (kind, Blob.from_string(file.read_bytes()).id)


def _committed_files(repo: "Repo", commit: "Commit", paths: Sequence[str]) -> Iterator[tuple[str, tuple[int, bytes]]]:
    from dulwich.object_store import iter_tree_contents  # noqa: PLC0415 - only the step that runs this has it

    for entry in iter_tree_contents(repo.object_store, commit.tree):
        path = (entry.path or b"").decode(errors="surrogateescape")
        if entry.mode in {REGULAR, PROGRAM, LINK} and any(_is_below(path, folder) for folder in paths):
            yield path, (entry.mode, entry.sha or b"")


def _tags(repo: "Repo", commit: "Commit") -> Iterator[str]:
    for name in repo.refs.allkeys():
        if name.startswith(TAGS) and repo.get_peeled(name) == commit.id:
            yield name.removeprefix(TAGS).decode()


def _is_below(path: str, folder: str) -> bool:
    return folder in {".", path} or path.startswith(folder + "/")


def _digest(files: Files) -> str:
    lines = "".join(f"{kind:o} {blob.decode()} {path}\n" for path, (kind, blob) in sorted(files.items()))
    return hashlib.sha256(lines.encode(errors="surrogateescape")).hexdigest()


if __name__ == "__main__":
    at, files, chosen, *others = sys.argv[1:]
    sys.stdout.write(f"{read_checkout(Path(at), Path(files), chosen, others).model_dump_json()}\n")
