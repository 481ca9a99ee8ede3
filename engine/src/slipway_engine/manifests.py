"""Snapshots of the host's folders: what is in them, known without reading Docker.

A manifest lists a folder's entries by path. It tells what a filter would take, and names the contents for the cache.
"""

import posixpath
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from slipway_engine.node import digest_of
from slipway_engine.patterns import GitIgnore, Rules
from slipway_engine.tar import Entry
from slipway_engine.trees import Filter, Location, Selected, Upload

if TYPE_CHECKING:
    from slipway_engine.engine import Engine


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
        wanted = posixpath.normpath("/" + path).strip("/")
        if not wanted:
            return self
        if wanted not in self.entries:
            return None
        prefix = wanted + "/"
        inside = {p.removeprefix(prefix): e for p, e in self.entries.items() if p.startswith(prefix)}
        return Manifest({"": self.entries[wanted], **inside})

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


def of(engine: "Engine", location: Location) -> Manifest | None:
    """Return the manifest of a location that comes from the host; nothing for those that do not."""
    tree = location.tree
    if isinstance(tree, Upload):
        whole: Manifest | None = engine.uploads.manifest(tree.content)
    elif isinstance(tree, Selected) and not tree.owner:
        inner = of(engine, tree.source)
        whole = inner.select(rules_for(engine, tree.source, tree.filter)) if inner else None
    else:
        return None
    return whole.below(location.path) if whole else None


def rules_for(engine: "Engine", source: Location, chosen: Filter) -> Rules:
    """Return the rules of a filter over a folder that comes from the host."""
    ignored = GitIgnore.of(_gitignores(engine, source)) if chosen.gitignore else None
    return Rules(chosen.include, chosen.exclude, ignored)


def _gitignores(engine: "Engine", location: Location) -> dict[str, str]:
    """Return the .gitignore files in a folder that comes from the host, by the folder each stands in."""
    prefix = location.path.strip("/")
    if isinstance(location.tree, Upload):
        found = engine.uploads.gitignores(location.tree.content)
    elif isinstance(location.tree, Selected):
        found = _gitignores(engine, location.tree.source)
    else:
        return {}
    if not prefix:
        return found
    return {
        folder.removeprefix(prefix).strip("/"): text
        for folder, text in found.items()
        if folder == prefix or folder.startswith(prefix + "/")
    }
