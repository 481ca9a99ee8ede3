"""The patch of what a person changed in a shell, below its working directory.

Docker names the paths that differ from the container's image; mounted folders are compared with what was mounted. Only
what differs is read, and git makes the patch of it.
"""

import posixpath
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from slipway_engine.docker.daemon import Daemon
from slipway_engine.errors import DockerError
from slipway_engine.files import tar
from slipway_engine.files.changed_paths import ChangedPaths
from slipway_engine.files.git_diff import make_patch
from slipway_engine.files.manifest import Manifest, parents
from slipway_engine.files.patterns import GitIgnore
from slipway_engine.files.staging import Open, stage, stage_file
from slipway_engine.model.step import Exec, FileMount, FolderMount, Mount
from slipway_engine.model.tree import Location
from slipway_engine.trees.reader import Stream
from slipway_engine.trees.trees import Trees

# Files of tools, editors and shells, in .gitignore's syntax.
LEFTOVERS = """\
.git
__pycache__/
*.pyc
.*_cache/
.cache/
.coverage
.hypothesis/
.venv/
node_modules/
.*_history
.*.sw?
"""
DELETED = 2  # Docker's number for a path that is gone, or a folder that was made anew
DOCKERS_OWN = ("/dev", "/proc", "/sys", "/etc/hosts", "/etc/hostname", "/etc/resolv.conf")


@dataclass(frozen=True)
class ShellPatch:
    """The patch, the folder that its paths are relative to, and those of the changed paths that were there before."""

    patch: bytes
    folder: str
    before: tuple[str, ...]


async def make_shell_patch(daemon: Daemon, trees: Trees, step: Exec, container: str) -> ShellPatch:
    """Make the patch of what changed in a stopped container, into which nothing was written before its start."""
    with tempfile.TemporaryDirectory(prefix="slipway-") as folder:
        collector = Collector(daemon, trees, step, container, Path(folder))
        await collector.collect()
        patch = await make_patch(collector.before, collector.after)
        found = (place.relative_to(collector.before) for place in collector.before.rglob("*"))
        return ShellPatch(patch, collector.root, tuple(sorted(map(str, found))))


class Collector:
    """Puts the files that differ below a working directory into two folders of the host: as they were, and are."""

    def __init__(self, daemon: Daemon, trees: Trees, step: Exec, container: str, folder: Path) -> None:
        """Start with none."""
        self.root = posixpath.normpath(posixpath.join("/", step.workdir))
        self.before, self.after = folder / "before", folder / "after"
        self._docker, self._images, self._trees = daemon.docker, daemon.images, trees
        self._step, self._container = step, container
        self._ignored = GitIgnore(())
        self._now: Open = lambda path: daemon.docker.get(container, path)

    async def collect(self) -> None:
        """Find the paths that differ, then read those that are not ignored."""
        listed = await self._docker.call("GET", f"containers/{self._container}/changes") or []
        system = {each["Path"]: each["Kind"] for each in listed if self._relevant(each["Path"], None)}
        mounts = [mount for mount in self._step.mounts if isinstance(mount, FolderMount) and self._writable(mount)]
        folders = [(mount, await self._differing(mount)) for mount in mounts]
        await self._read_ignores([*system, *(path for _, found in folders for path in found)])
        await self._take_system(system)
        for mount, paths in folders:
            await self._take_folder(mount, paths)
        for each in self._step.mounts:
            if isinstance(each, FileMount) and self._place(each.path, each) is not None:
                await self._take_file(each)

    # Which paths differ: all of them are absolute

    def _relevant(self, path: str, mount: Mount | None) -> bool:
        """Return whether a path lies below the working directory, and in this mount (nothing: in none)."""
        around = [each for each in self._step.mounts if _inside(path, each.path)]
        innermost = max(around, key=lambda each: len(each.path), default=None)
        return innermost is mount and _inside(path, self.root) and not any(_inside(path, own) for own in DOCKERS_OWN)

    def _place(self, path: str, mount: Mount | None, *, is_dir: bool = False) -> str | None:
        """Return a path relative to the working directory, or nothing where it does not count."""
        place = path[len(self.root) :].strip("/") if self.root != "/" else path.strip("/")
        return place if self._relevant(path, mount) and not self._ignored.matches(place, is_dir=is_dir) else None

    def _writable(self, mount: FolderMount) -> bool:
        return not mount.read_only and (_inside(mount.path, self.root) or _inside(self.root, mount.path))

    async def _differing(self, mount: FolderMount) -> set[str]:
        async with self._now(posixpath.join(mount.path, ".")) as stream:
            now = Manifest(await tar.read(stream, tar.hashed_listing))
        found = ChangedPaths.of(await self._trees.hashed_listing(mount.source), now)
        paths = (posixpath.join(mount.path, path) for path in found.before | found.after)
        return {path for path in paths if self._relevant(path, mount)}

    async def _read_ignores(self, paths: Iterable[str]) -> None:
        """Read the .gitignore files in the folders of these paths."""
        texts = {"": LEFTOVERS}
        places = (posixpath.relpath(path, self.root) for path in paths)
        for folder in sorted({"", *(parent for place in places for parent in parents(place))}):
            if not folder or not self._ignored.matches(folder, is_dir=True):
                text = await self._text(posixpath.join(self.root, folder, ".gitignore"))
                texts[folder] = texts.get(folder, "") + text
                self._ignored = GitIgnore.of(texts)

    async def _text(self, path: str) -> str:
        try:
            async with self._now(path) as stream:
                return (await tar.read(stream, tar.first_file) or b"").decode(errors="replace")
        except DockerError as error:
            if error.is_missing:
                return ""
            raise

    # Reading them

    async def _take_system(self, changes: dict[str, int]) -> None:
        docker = self._docker
        image = await self._images.reader(image=await self._trees.images.image(self._step.rootfs))
        done = "-"  # a folder that is new, gone, made anew or ignored, and so done with as a whole
        for path in sorted(changes, key=lambda path: path.split("/")):
            if path.startswith(f"{done}/"):
                continue
            found = {each: await docker.stat(each, path) for each in (image, self._container)}
            folders = [bool(stat and stat.is_folder) for stat in found.values()]
            if all(folders) and changes[path] != DELETED:
                continue
            if any(folders):
                done = path
            if self._place(path, None, is_dir=any(folders)) is None:
                continue
            for container, target in ((image, self.before), (self._container, self.after)):
                if found[container]:
                    await self._take(container, path, target)

    async def _take(self, container: str, path: str, target: Path) -> None:
        docker = self._docker
        base = posixpath.dirname(path)
        await stage(lambda p: docker.get(container, p), path, target, lambda p: self._place(p, None), base)

    async def _take_folder(self, mount: FolderMount, paths: set[str]) -> None:
        def place(path: str) -> str | None:
            return self._place(path, mount) if path in paths else None

        await stage(self._then(mount), mount.path, self.before, place, mount.path)
        await stage(self._now, posixpath.join(mount.path, "."), self.after, place, mount.path)

    async def _take_file(self, mount: FileMount) -> None:
        place = posixpath.relpath(mount.path, self.root)
        await stage_file(self._then(mount), mount.path, self.before / place)
        await stage_file(self._now, mount.path, self.after / place)

    def _then(self, mount: FolderMount | FileMount) -> Open:
        """Return what reads a path of a mount as it was."""

        def source(path: str) -> Stream:
            inside = posixpath.relpath(path, mount.path)
            return self._trees.open(Location(mount.source.tree, posixpath.join(mount.source.path, inside)))

        return source


def _inside(path: str, folder: str) -> bool:
    return path == folder or path.startswith(folder.rstrip("/") + "/")
