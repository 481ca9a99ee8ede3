"""The host's folders as the engine sees them: walked, hashed where changed, and kept in Docker by their contents."""

import asyncio
import hashlib
import os
import stat
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from slipway_engine import tar
from slipway_engine.errors import EngineError, UsageError
from slipway_engine.hostfiles import Snapshot, Stamp, contents, stamp
from slipway_engine.manifests import Manifest, select
from slipway_engine.patterns import GitIgnore, Rules
from slipway_engine.solve import FOLDER
from slipway_engine.store import Step
from slipway_engine.tar import Entry
from slipway_engine.trees import Filter, Upload

if TYPE_CHECKING:
    from slipway_engine.engine import Engine

Known = dict[str, tuple[Stamp, str]]


class Uploads:
    """The snapshots of host folders that one engine has taken."""

    def __init__(self, engine: "Engine") -> None:
        """Start with none."""
        self._engine = engine
        self._manifests: dict[str, Manifest] = {}
        self._snapshots: dict[str, Snapshot] = {}
        self._imports: dict[str, asyncio.Task[None]] = {}

    async def folder(self, path: Path, chosen: Filter) -> Upload:
        """Take a snapshot of a folder, or of a single file as a folder that holds it; what did not change costs a stat.

        Raises UsageError when the path is not there or cannot be read.
        """
        scan = self._scan(path, chosen)
        manifest = Manifest(scan.entries)
        content = manifest.digest
        self._manifests[content] = manifest
        self._snapshots[content] = Snapshot(path, {file: known for file, (known, _) in scan.known.items()})
        if content not in self._imports:
            # Docker's copy is for what comes later: until the host changes, its files are there already.
            self._imports[content] = asyncio.create_task(self._keep(path, manifest, scan.ignores))
        return Upload(content)

    async def image(self, content: str) -> str:
        """Return the image with Docker's copy of a snapshot; raises EngineError when it was pruned."""
        if content in self._imports:
            await self._imports[content]
        step = await self._engine.step(f"upload-{content}")
        if step is None:
            raise EngineError("a snapshot of a host folder was pruned while it was in use: run the command again")
        return step.image

    async def finish(self) -> None:
        """Wait until Docker has its copies; raises what keeps one from it."""
        await asyncio.gather(*self._imports.values())

    async def settle(self) -> None:
        """Wait until the copies are made or failed: what has run without one, its failure does not concern."""
        await asyncio.gather(*self._imports.values(), return_exceptions=True)

    async def abandon(self) -> None:
        """Stop what is not done."""
        for task in self._imports.values():
            task.cancel()
        await self.settle()

    def snapshot(self, content: str) -> Snapshot | None:
        """Return a snapshot that this session took."""
        return self._snapshots.get(content)

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

    def _scan(self, path: Path, chosen: Filter) -> "Scan":
        key = f"{path}"
        known: Known = {p: ((s[0], s[1], s[2], s[3]), h) for p, (s, h) in (self._stamps(key)).items()}
        scan = Scan(path, chosen, known)
        if scan.hashed:
            self._engine.store.put_json("stamps", key, known | scan.known)
        return scan

    def _stamps(self, key: str) -> dict[str, tuple[list[int], str]]:
        found: dict[str, tuple[list[int], str]] = self._engine.store.get_json("stamps", key) or {}
        return found

    async def _keep(self, path: Path, manifest: Manifest, ignores: dict[str, str]) -> None:
        engine, content = self._engine, manifest.digest
        step = f"upload-{content}"
        async with engine.once(step):
            if await engine.step(step) is not None:
                return
            engine.store.put_json("manifest", content, {p: list(e) for p, e in manifest.entries.items()})
            engine.store.put_json("gitignores", content, ignores)
            with engine.events.span(f"upload {path}"):
                entries = tar.write(lambda: contents(path, manifest, FOLDER.strip("/")))
                image = await engine.docker.import_image(entries, engine.labels(step=step))
                engine.store.put_step(Step(step, image, {}, size=await engine.size(image)))


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
        current = stamp(place.stat())
        earlier = self._earlier.get(path)
        if earlier and earlier[0] == current:
            digest = earlier[1]
        else:
            self.hashed = True
            with place.open("rb") as content:
                digest = hashlib.file_digest(content, "sha256").hexdigest()
        self.known[path] = (current, digest)
        return kind, mode, digest
