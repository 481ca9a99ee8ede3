"""git, which answers about a repository without running what the repository names.

A repository's configuration can name programs: filters, a file monitor, hooks. git therefore works on another git
directory. It shares the repository's objects and references, and its configuration holds only harmless settings. The
index is another one, too: a repository's own can hide changes (`git update-index --assume-unchanged`).
"""

import contextlib
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

# How git reads files and which formats it finds, none of which runs anything: git-config(1).
SETTINGS = {
    "core.repositoryformatversion",
    "core.filemode",
    "core.ignorecase",
    "core.symlinks",
    "core.autocrlf",
    "core.eol",
    "core.precomposeunicode",
    "extensions.objectformat",
    "extensions.refstorage",
    "extensions.partialclone",
}
# What git needs besides its configuration and HEAD.
SHARED = ("objects", "refs", "packed-refs", "reftable", "shallow", "info")
# What git-lfs would store for a file: https://github.com/git-lfs/git-lfs/blob/main/docs/spec.md. A file may already be
# what is stored, where git-lfs was never run.
LFS = (
    "f=$(mktemp); cat >$f; "
    "if [ ! -s $f ] || head -c 42 $f | grep -q '^version https://git-lfs.github.com/spec/v1$'; then cat $f; "
    "else printf 'version https://git-lfs.github.com/spec/v1\\noid sha256:%s\\nsize %d\\n' "
    "$(sha256sum <$f | cut -c1-64) $(wc -c <$f); fi; rm $f"
)
OPTIONS = ("-c", "safe.directory=*", "-c", f"filter.lfs.clean={LFS}", "--literal-pathspecs")
LINK_TO_REPOSITORY = "160000"


class GitError(Exception):
    """git cannot answer; the text says why, and what to do."""


@dataclass(frozen=True)
class Git:
    """A repository's commit, and its files at that commit."""

    # The repository's own git directory, and the one that git works on.
    origin: Path
    folder: Path

    def run(self, *words: str, data: bytes = b"", environ: Mapping[str, str] | None = None) -> bytes:
        """Run git and return its output; raises GitError with git's message."""
        done = self._start(words, data, environ or {})
        if done.returncode:
            message = done.stderr.decode(errors="replace").strip().rpartition("\n")[2]
            raise GitError(f"git {words[0]}: {message or f'exit code {done.returncode}'}")
        return done.stdout

    def head(self) -> str:
        """Return the checked-out commit; empty: there is none yet.

        Raises:
            GitError: The commit is named, but is not in the repository.
        """
        done = self._start(("rev-parse", "--quiet", "--verify", "HEAD"), b"", {})
        if done.returncode:
            return ""
        return self._text("rev-parse", "--verify", "HEAD^{commit}").strip()

    def author(self) -> str:
        """Return the e-mail address of the commit's author."""
        return self._text("show", "--no-patch", "--format=%ae", "HEAD").strip()

    def tags(self) -> tuple[str, ...]:
        """Return the tags of the commit."""
        found = self._text("for-each-ref", "--points-at=HEAD", "--format=%(refname:strip=2)", "refs/tags")
        return tuple(sorted(found.split()))

    def folders_with(self, name: str) -> list[str]:
        """Return the folders of the commit that hold a file of this name, the outermost first; empty: the root."""
        paths = [path for path in self._lines("ls-tree", "-r", "-z", "--name-only", "HEAD") if path.endswith(name)]
        folders = [PurePosixPath(path).parent.as_posix() for path in paths if PurePosixPath(path).name == name]
        return sorted(("" if folder == "." else folder for folder in folders), key=lambda f: (f.count("/"), f))

    @contextlib.contextmanager
    def work_tree(self, files: Path, folder: str, paths: Sequence[str]) -> Iterator["WorkTree"]:
        """Compare files with the commit's in a folder: those below `paths`, which are relative to the files."""
        with tempfile.TemporaryDirectory() as place:
            root = files if not folder else self._place(Path(place), files, folder, paths)
            inside = tuple(str(PurePosixPath(folder, path)) for path in paths)
            tree = WorkTree(self, root, Path(place, "index"), inside)
            tree.run("read-tree", "HEAD")
            yield tree

    def _place(self, place: Path, files: Path, folder: str, paths: Sequence[str]) -> Path:
        """Copy files to where they lie in the repository, with the lists of ignored files of the folders above."""
        root = place / "files"
        for path in paths:
            source, target = files / path, root / folder / path
            target.parent.mkdir(parents=True, exist_ok=True)
            if source.is_dir():
                shutil.copytree(source, target, symlinks=True, dirs_exist_ok=True)
            elif source.exists():
                shutil.copy2(source, target)
        committed = set(self._lines("ls-tree", "-r", "-z", "--name-only", "HEAD"))
        for above in PurePosixPath(folder, "x").parents:
            path = (above / ".gitignore").as_posix()
            if path in committed and not (root / path).exists():
                (root / path).parent.mkdir(parents=True, exist_ok=True)
                (root / path).write_bytes(self.run("cat-file", "blob", f"HEAD:{path}"))
        return root

    def _text(self, *words: str) -> str:
        return self.run(*words).decode(errors="surrogateescape")

    def _lines(self, *words: str) -> list[str]:
        return [line for line in self._text(*words).split("\0") if line]

    def _start(
        self, words: Sequence[str], data: bytes, environ: Mapping[str, str]
    ) -> "subprocess.CompletedProcess[bytes]":
        # No configuration but ours, no question, and nothing fetched that a partial clone lacks.
        ours = {
            "PATH": os.environ.get("PATH", os.defpath),
            "LC_ALL": "C",
            "GIT_DIR": str(self.folder),
            "GIT_CONFIG_NOSYSTEM": "1",
            "GIT_CONFIG_GLOBAL": os.devnull,
            "GIT_TERMINAL_PROMPT": "0",
            "GIT_NO_LAZY_FETCH": "1",
        }
        return subprocess.run(
            ["git", *OPTIONS, *words], input=data, env=ours | dict(environ), capture_output=True, check=False
        )


@dataclass(frozen=True)
class WorkTree:
    """Files beside a commit."""

    git: Git
    root: Path
    index: Path
    # What is compared, relative to the root.
    paths: tuple[str, ...]

    def run(self, *words: str, data: bytes = b"") -> bytes:
        """Run git on these files; raises GitError with git's message."""
        return self.git.run(
            *words, data=data, environ={"GIT_WORK_TREE": str(self.root), "GIT_INDEX_FILE": str(self.index)}
        )

    def filters(self) -> set[str]:
        """Return the filters that the files pass on their way into the repository."""
        files = self.run("ls-files", "-z", "--", *self.paths)
        found = self.run("check-attr", "-z", "--stdin", "filter", data=files).split(b"\0")
        return {value.decode(errors="replace") for value in found[2::3]}

    def changes(self) -> list[str]:
        """Return the paths that differ from the commit's, those of submodules included."""
        options = ("--porcelain", "-z", "--no-renames", "--untracked-files=all", "--ignore-submodules=all")
        found = self.run("status", *options, "--", *self.paths).split(b"\0")
        changed = [line[3:].decode(errors="surrogateescape") for line in found if line]
        return changed + [path for link in self._links() for path in self._changes_in(*link)]

    def _links(self) -> Iterator[tuple[str, str]]:
        """Return the submodules' paths and commits."""
        for line in self.run("ls-files", "-z", "--stage", "--", *self.paths).split(b"\0"):
            head, _, path = line.decode(errors="surrogateescape").partition("\t")
            if head.startswith(LINK_TO_REPOSITORY):
                yield path, head.split()[1]

    def _changes_in(self, path: str, commit: str) -> list[str]:
        origin = self.git.origin / "modules" / self._module(path)
        files = self.root / path
        if not origin.is_dir() or not files.is_dir() or not any(files.iterdir()):
            raise GitError(f"the submodule {path} is not checked out: git submodule update --init {path}")
        with open_repository(origin) as git:
            if git is None or git.head() != commit:
                return [path]
            with git.work_tree(files, "", ["."]) as tree:
                return [f"{path}/{changed}" for changed in tree.changes()]

    def _module(self, path: str) -> str:
        """Return a submodule's name, which may differ from its path."""
        pattern = r"^submodule\..*\.path$"
        found = self.run("config", "--blob", "HEAD:.gitmodules", "-z", "--get-regexp", pattern)
        for entry in found.decode(errors="surrogateescape").split("\0"):
            key, _, value = entry.partition("\n")
            if value == path:
                return key.removeprefix("submodule.").removesuffix(".path")
        raise GitError(f"the submodule {path} is not in .gitmodules: add the submodule again, or remove the folder")


@contextlib.contextmanager
def open_repository(origin: Path) -> Iterator[Git | None]:
    """Open a repository by its git directory; none: there is no repository.

    Raises:
        GitError: Its objects lie elsewhere.
    """
    if not origin.exists():
        yield None
        return
    _require_own_objects(origin)
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place, "git")
        folder.mkdir()
        for name in SHARED:
            if (origin / name).exists():
                (folder / name).symlink_to((origin / name).absolute())
        # git takes a folder for a repository only if it has both.
        for name in ("objects", "refs"):
            (folder / name).mkdir(exist_ok=True)
        if (origin / "HEAD").exists():
            shutil.copy(origin / "HEAD", folder / "HEAD")
        (folder / "config").write_text(_harmless_settings(origin / "config"))
        yield Git(origin, folder)


def _require_own_objects(origin: Path) -> None:
    if origin.is_file():
        place = origin.read_text(errors="replace").partition("gitdir:")[2].strip()
        raise GitError(
            f"this is a worktree or a submodule, and its repository ({place}) lies outside of it: "
            "deploy from a clone of its own, made with `git clone`"
        )
    alternates = origin / "objects" / "info" / "alternates"
    if alternates.exists() and alternates.read_text().strip():
        raise GitError(
            f"this clone borrows objects from {alternates.read_text().split()[0]}, which lies outside of it: copy them "
            "with `git repack -a -d && rm .git/objects/info/alternates`"
        )


def _harmless_settings(config: Path) -> str:
    if not config.exists():
        return ""
    words = ["git", "config", "--file", str(config), "--no-includes", "-z", "--list"]
    done = subprocess.run(words, capture_output=True, check=False)
    if done.returncode:
        raise GitError(f".git/config cannot be read: {done.stderr.decode(errors='replace').strip()}")
    lines = []
    for entry in done.stdout.decode(errors="replace").split("\0"):
        key, has_value, value = entry.partition("\n")
        if key in SETTINGS:
            section, _, name = key.partition(".")
            text = value.replace("\\", "\\\\").replace('"', '\\"') if has_value else "true"
            lines.append(f'[{section}]\n\t{name} = "{text}"\n')
    return "".join(lines)
