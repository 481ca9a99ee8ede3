"""One walk over a folder of the host: its entries, hashed where they changed."""

import hashlib
import os
import stat
from collections.abc import Iterable
from pathlib import Path

from slipway_engine.errors import UsageError
from slipway_engine.files.manifest import select
from slipway_engine.files.patterns import GitIgnore, Rules
from slipway_engine.files.snapshot import Stamp, stamp
from slipway_engine.files.tar import Entry
from slipway_engine.model.tree import Filter

Known = dict[str, tuple[Stamp, str]]  # files' stamps and hashes, by path


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
        self.entries = {path: self._with_hash(path, found[path]) for path in select(found, rules)}

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

    def _with_hash(self, path: str, entry: Entry) -> Entry:
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
