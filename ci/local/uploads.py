"""The host's folders as the engine sees them: walked, hashed where changed, and kept in Docker by their contents."""

import hashlib
import os
import stat
import tarfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import IO, TYPE_CHECKING

from ci.local import tar
from ci.local.errors import UsageError
from ci.local.manifests import Manifest, select
from ci.local.patterns import GitIgnore, Rules
from ci.local.solve import FOLDER
from ci.local.store import Step
from ci.local.tar import Entry
from ci.local.trees import Filter, Upload

if TYPE_CHECKING:
    from ci.local.engine import Engine

# A file's modification time, size, inode and change time: while they stay, so do its contents.
Stamp = tuple[int, int, int, int]
Known = dict[str, tuple[Stamp, str]]


class Uploads:
    """The snapshots of host folders that one engine has taken."""

    def __init__(self, engine: "Engine") -> None:
        """Start with none."""
        self._engine = engine
        self._manifests: dict[str, Manifest] = {}

    async def folder(self, path: Path, chosen: Filter) -> Upload:
        """Take a snapshot of a folder, or of a single file as a folder that holds it; what did not change costs a stat.

        Raises UsageError when the path is not there or cannot be read.
        """
        manifest, ignores = self._scan(path, chosen)
        content = manifest.digest
        self._manifests[content] = manifest
        step = f"upload-{content}"
        async with self._engine.once(step):
            if await self._engine.step(step) is None:
                self._engine.store.put_json("manifest", content, {p: list(e) for p, e in manifest.entries.items()})
                self._engine.store.put_json("gitignores", content, ignores)
                await self._import(path, manifest, step)
        return Upload(content)

    def manifest(self, content: str) -> Manifest | None:
        """Return what a snapshot holds."""
        if content not in self._manifests:
            found = self._engine.store.get_json("manifest", content)
            if found is None:
                return None
            self._manifests[content] = Manifest({path: (e[0], e[1], e[2]) for path, e in found.items()})
        return self._manifests[content]

    def gitignores(self, content: str) -> dict[str, str]:
        """Return a snapshot's .gitignore files, by the folder each stands in."""
        found: dict[str, str] = self._engine.store.get_json("gitignores", content) or {}
        return found

    def _scan(self, path: Path, chosen: Filter) -> tuple[Manifest, dict[str, str]]:
        key = f"{path}"
        known: Known = {p: ((s[0], s[1], s[2], s[3]), h) for p, (s, h) in (self._stamps(key)).items()}
        scan = Scan(path, chosen, known)
        manifest = Manifest(scan.entries)
        if scan.hashed:
            self._engine.store.put_json("stamps", key, known | scan.known)
        return manifest, scan.ignores

    def _stamps(self, key: str) -> dict[str, tuple[list[int], str]]:
        found: dict[str, tuple[list[int], str]] = self._engine.store.get_json("stamps", key) or {}
        return found

    async def _import(self, path: Path, manifest: Manifest, step: str) -> None:
        engine = self._engine
        with engine.events.span(f"upload {path}"):
            image = await engine.docker.import_image(
                tar.write(lambda: _contents(path, manifest)), engine.labels(step=step)
            )
            engine.store.put_step(Step(step, image, {}, size=await engine.size(image)))


def _contents(root: Path, manifest: Manifest) -> Iterator[tuple[tarfile.TarInfo, IO[bytes] | None]]:
    for path, (kind, mode, inside) in manifest.entries.items():
        name = f"{FOLDER.strip('/')}/{path}".rstrip("/")
        place = root / path
        mtime = int(place.lstat().st_mtime)
        if kind == "d":
            yield tar.folder(name, mode, mtime=mtime), None
        elif kind == "l":
            yield tar.link(name, inside, mtime), None
        else:
            content = place.open("rb")
            yield tar.regular(name, os.fstat(content.fileno()).st_size, mode, mtime=mtime), content


class Scan:
    """One walk over a host folder: its entries, and what was learned about its files."""

    def __init__(self, root: Path, chosen: Filter, known: Known) -> None:
        """Walk; `known` are the files' hashes from earlier walks."""
        self.entries: dict[str, Entry] = {}
        self.ignores: dict[str, str] = {}
        self.known: Known = {}
        self.hashed = False
        self._root, self._chosen, self._earlier = root, chosen, known
        self._rules = Rules(chosen.include, chosen.exclude)
        try:
            self._take(root)
        except OSError as error:
            raise UsageError(f"{error.filename or root}: cannot be read: {error.strerror}") from error

    def _take(self, root: Path) -> None:
        status = root.stat()
        if not stat.S_ISDIR(status.st_mode):
            raise UsageError(f"{root}: is not a directory")
        found: dict[str, Entry] = {"": ("d", stat.S_IMODE(status.st_mode), "")}
        found.update(self._walk(str(root), ""))
        rules = self._current_rules()
        self.entries = {path: self._resolved(path, found[path]) for path in select(found, rules)}

    def _current_rules(self) -> Rules:
        if not self._chosen.gitignore:
            return self._rules
        return Rules(self._chosen.include, self._chosen.exclude, GitIgnore.of(self.ignores))

    def _walk(self, folder: str, prefix: str) -> Iterable[tuple[str, Entry]]:
        with os.scandir(folder) as found:
            inside = sorted(found, key=lambda entry: entry.name)
        if any(entry.name == ".gitignore" and entry.is_file() for entry in inside):
            self.ignores[prefix.rstrip("/")] = Path(folder, ".gitignore").read_text(errors="replace")
        rules = self._current_rules()
        for entry in inside:
            path = prefix + entry.name
            if entry.is_symlink():
                yield path, ("l", 0o777, str(Path(entry.path).readlink()))
            elif entry.is_dir(follow_symlinks=False):
                if not rules.prunes(path):
                    yield path, ("d", stat.S_IMODE(entry.stat().st_mode), "")
                    yield from self._walk(entry.path, path + "/")
            elif entry.is_file(follow_symlinks=False):
                yield path, ("f", stat.S_IMODE(entry.stat(follow_symlinks=False).st_mode), "")

    def _resolved(self, path: str, entry: Entry) -> Entry:
        """Add a file's hash, from an earlier walk when its stamp is the same."""
        kind, mode, _ = entry
        if kind != "f":
            return entry
        place = self._root / path
        status = place.stat()
        stamp: Stamp = (status.st_mtime_ns, status.st_size, status.st_ino, status.st_ctime_ns)
        earlier = self._earlier.get(path)
        if earlier and earlier[0] == stamp:
            digest = earlier[1]
        else:
            self.hashed = True
            with place.open("rb") as content:
                digest = hashlib.file_digest(content, "sha256").hexdigest()
        self.known[path] = (stamp, digest)
        return kind, mode, digest
