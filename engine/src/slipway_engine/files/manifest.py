"""Manifests list a folder's entries by path: filters choose from them, and their digest names the contents."""

import posixpath
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

from slipway_engine.files.patterns import Rules
from slipway_engine.files.tar import Entry
from slipway_engine.model.node import digest_of


@dataclass(frozen=True)
class Manifest:
    """A folder's entries, by their path relative to it; the folder itself is the empty path."""

    entries: dict[str, Entry]

    @cached_property
    def digest(self) -> str:
        """The SHA-256 of names, modes and contents."""
        return digest_of(sorted((path, *entry) for path, entry in self.entries.items()))

    def below(self, path: str) -> "Manifest | None":
        """Return the manifest of a sub-folder or of one file; nothing when it is not there."""
        inner = posixpath.normpath("/" + path).strip("/")
        if not inner:
            return self
        if inner not in self.entries:
            return None
        prefix = inner + "/"
        inside = {p.removeprefix(prefix): e for p, e in self.entries.items() if p.startswith(prefix)}
        return Manifest({"": self.entries[inner], **inside})

    def select(self, rules: Rules) -> "Manifest":
        """Return what rules take of it, with the folders that hold something taken."""
        return Manifest({path: self.entries[path] for path in select(self.entries, rules)})


def select(entries: dict[str, Entry], rules: Rules) -> Iterator[str]:
    """Go through the paths that rules take, each after the folders it lies in."""
    if rules.trivial:
        yield from entries
        return
    given: set[str] = set()
    for path in sorted(entries):
        if path and not rules.allows(path, is_dir=entries[path][0] == "d"):
            continue
        for name in [*reversed(list(parents(path))), path]:
            if name not in given and name in entries:
                given.add(name)
                yield name


def parents(path: str) -> Iterator[str]:
    """Go through the folders that a relative path lies in, the nearest first, down to the root (the empty path)."""
    while path:
        path = posixpath.dirname(path)
        yield path
