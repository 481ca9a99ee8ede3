"""Snapshots of the host's folders: walked, hashed where changed, and kept in Docker by their contents."""

import asyncio
from pathlib import Path

from slipway_engine.docker.daemon import Daemon
from slipway_engine.errors import EngineError
from slipway_engine.events import Events
from slipway_engine.files import tar
from slipway_engine.files.manifest import Manifest
from slipway_engine.files.scan import Known, Scan
from slipway_engine.files.snapshot import Snapshot, contents
from slipway_engine.model.node import Node
from slipway_engine.model.tree import Filter, Upload
from slipway_engine.store.database import Store

LARGE = 100 * 10**6  # bytes of a file that surprises, and of a folder that is not copied before it is needed
FOLDER = "/tree"  # of an image that holds a folder: Docker puts nothing of its own there


class Uploads:
    """The snapshots of host folders that one session has taken."""

    def __init__(self, daemon: Daemon, store: Store, events: Events) -> None:
        """Start with none."""
        self._daemon, self._store, self._events = daemon, store, events
        self._manifests: dict[str, Manifest] = {}
        self._snapshots: dict[str, Snapshot] = {}
        self._imports: dict[str, asyncio.Task[None]] = {}
        self._scans: dict[str, tuple[Path, Scan]] = {}
        self.large: dict[Path, int] = {}  # the files that surprise, and their bytes
        self._taken: dict[tuple[Path, Filter], Upload] = {}

    async def take(self, path: Path, chosen: Filter) -> Upload:
        """Take a snapshot of a folder, or of a single file as a folder that holds it; what did not change costs a stat.

        Raises UsageError when the path is not there or cannot be read.
        """
        scan = self._scan(path, chosen)
        manifest = Manifest(scan.entries)
        content = manifest.digest
        self._manifests[content] = manifest
        self._snapshots[content] = Snapshot(path, {file: known for file, (known, _) in scan.known.items()})
        self._scans[content] = path, scan
        sizes = {path / file: known[1] for file, (known, _) in scan.known.items()}
        self.large |= {file: size for file, size in sizes.items() if size >= LARGE}
        # Docker's copy is for what comes later: until the host changes, its files are there already. A large one is
        # made when it is needed, since most functions read little of a folder.
        if sum(sizes.values()) < LARGE:
            self._start_import(content)
        return Upload(content)

    async def take_once(self, path: Path, chosen: Filter) -> Upload:
        """Take a snapshot the first time, and return the same one for the rest of the session."""
        if (path, chosen) not in self._taken:
            self._taken[path, chosen] = await self.take(path, chosen)
        return self._taken[path, chosen]

    async def image(self, content: str) -> str:
        """Return the image with Docker's copy of a snapshot; raises EngineError when it was pruned."""
        if content in self._scans:
            self._start_import(content)
            await self._imports[content]
        step = await self._daemon.results.find(f"upload-{content}")
        if step is None:
            raise EngineError("a snapshot of a host folder was pruned while it was in use: run the command again")
        return step.image

    def lasts(self, node: Node) -> bool:
        """Return whether a later session has all that a value needs of the host's folders: Docker has a copy."""
        if isinstance(node, Upload) and node.content in self._scans and node.content not in self._imports:
            return False
        return all(self.lasts(child) for child in node.children())

    async def finish(self) -> None:
        """Wait until Docker has its copies; raises what keeps one from it."""
        await asyncio.gather(*self._imports.values())

    async def settle(self) -> None:
        """Wait until the copies are made or failed: a failed copy does not concern what has run without it."""
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
            found = self._store.get_json("manifest", content)
            if found is None:
                return None
            self._manifests[content] = Manifest({path: (e[0], e[1], e[2]) for path, e in found.items()})
        return self._manifests[content]

    def gitignores(self, content: str) -> dict[str, str]:
        """Return a snapshot's .gitignore files, by the folder each stands in."""
        if content in self._scans:
            return self._scans[content][1].ignores
        found: dict[str, str] = self._store.get_json("gitignores", content) or {}
        return found

    def _refuse_changed(self, path: Path, content: str) -> None:
        """Raise EngineError where a file has other contents than in the snapshot; the copy notices what is gone."""
        snapshot = self._snapshots[content]
        for file, entry in self._manifests[content].entries.items():
            if not snapshot.still(file, entry) and (path / file).exists():
                raise EngineError(f"{path / file}: changed while it was read: run the command again")

    def _scan(self, path: Path, chosen: Filter) -> Scan:
        key = f"{path}"
        known: Known = {p: ((s[0], s[1], s[2], s[3]), h) for p, (s, h) in (self._stamps(key)).items()}
        scan = Scan(path, chosen, known)
        if scan.hashed:
            # What other filters take of the folder stays known; what is gone does not, or it would pile up.
            others = {file: known[file] for file in known.keys() - scan.known.keys() if (path / file).exists()}
            self._store.put_json("stamps", key, others | scan.known)
        return scan

    def _stamps(self, key: str) -> dict[str, tuple[list[int], str]]:
        found: dict[str, tuple[list[int], str]] = self._store.get_json("stamps", key) or {}
        return found

    def _start_import(self, content: str) -> None:
        if content not in self._imports:
            path, scan = self._scans[content]
            self._imports[content] = asyncio.create_task(self._import(path, self._manifests[content], scan.ignores))

    async def _import(self, path: Path, manifest: Manifest, ignores: dict[str, str]) -> None:
        daemon, content = self._daemon, manifest.digest
        step = f"upload-{content}"
        async with daemon.objects.once(step):
            if await daemon.results.find(step) is not None:
                return
            self._refuse_changed(path, content)
            self._store.put_json("manifest", content, {p: list(e) for p, e in manifest.entries.items()})
            self._store.put_json("gitignores", content, ignores)
            with self._events.span(f"upload {path}"):
                entries = tar.write(lambda: contents(path, manifest, FOLDER.strip("/")))
                image = await daemon.docker.import_image(entries, daemon.objects.labels(step=step))
                await daemon.results.keep(step, image)
