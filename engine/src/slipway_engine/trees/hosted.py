"""Trees that come from the host, read from there while it is as it was when they were taken: Docker takes longer.

Where this cannot answer, the copy in Docker can.
"""

import posixpath
from collections.abc import AsyncIterator

from slipway_engine.files import tar
from slipway_engine.files.manifest import Manifest, parents
from slipway_engine.files.patterns import GitIgnore, Rules
from slipway_engine.files.snapshot import Snapshot, contents
from slipway_engine.model.tree import Filter, Location, Selected, Upload
from slipway_engine.trees.uploads import Uploads

MOST_ENTRIES = 2000  # Docker writes a longer stream faster than Python


def manifest_of(uploads: Uploads, location: Location) -> Manifest | None:
    """Return the manifest of a location that comes from the host; nothing for others."""
    tree = location.tree
    if isinstance(tree, Upload):
        whole = uploads.manifest(tree.content)
    elif isinstance(tree, Selected) and not tree.owner:
        inner = manifest_of(uploads, tree.source)
        whole = inner.select(rules_for(uploads, tree.source, tree.filter)) if inner else None
    else:
        return None
    return whole.below(location.path) if whole else None


def rules_for(uploads: Uploads, source: Location, chosen: Filter) -> Rules:
    """Return the rules of a filter over a folder that comes from the host."""
    ignored = GitIgnore.of(_gitignores(uploads, source)) if chosen.gitignore else None
    return Rules(chosen.include, chosen.exclude, ignored)


def stream(uploads: Uploads, location: Location) -> AsyncIterator[bytes] | None:
    """Return a location as a tar stream with paths relative to it; nothing when the host does not have it any more."""
    manifest, source = manifest_of(uploads, location), _source(uploads, location)
    if manifest is None or source is None or len(manifest.entries) > MOST_ENTRIES:
        return None
    snapshot, inner, timestamp = source
    if not all(snapshot.still(f"{inner}/{path}".strip("/"), entry) for path, entry in manifest.entries.items()):
        return None
    is_folder = manifest.entries[""][0] == "d"
    prefix = "." if is_folder else posixpath.basename(inner)
    return tar.write(lambda: contents(snapshot.root / inner, manifest, prefix, timestamp))


def stat(uploads: Uploads, location: Location) -> tuple[bool, tuple[str, int, int] | None]:
    """Return whether a snapshot alone can describe a path, and the description: of a file, or that nothing is there."""
    whole, source = manifest_of(uploads, Location(location.tree)), _source(uploads, location)
    if whole is None or source is None:
        return False, None
    path = posixpath.normpath("/" + location.path).strip("/")
    if path in whole.entries:
        kind, mode, _ = whole.entries[path]
        snapshot, inner, _ = source
        return (True, (kind, mode, snapshot.stamps[inner][1])) if kind == "f" else (False, None)
    # What lies behind a link is somewhere else.
    return not any(whole.entries.get(parent, ("",))[0] == "l" for parent in parents(path)), None


def _source(uploads: Uploads, location: Location) -> tuple[Snapshot, str, int | None] | None:
    """Return the snapshot that a location is part of, its path there, and the time that its entries were given."""
    tree, path = location.tree, posixpath.normpath("/" + location.path).strip("/")
    if isinstance(tree, Upload):
        snapshot = uploads.snapshot(tree.content)
        return (snapshot, path, None) if snapshot else None
    if not isinstance(tree, Selected) or tree.owner:
        return None
    found = _source(uploads, tree.source)
    if found is None:
        return None
    snapshot, inner, timestamp = found
    return snapshot, f"{inner}/{path}".strip("/"), timestamp if tree.timestamp is None else tree.timestamp


def _gitignores(uploads: Uploads, location: Location) -> dict[str, str]:
    """Return the .gitignore files in a folder that comes from the host, by the folder each stands in."""
    prefix = location.path.strip("/")
    if isinstance(location.tree, Upload):
        found = uploads.gitignores(location.tree.content)
    elif isinstance(location.tree, Selected):
        found = _gitignores(uploads, location.tree.source)
    else:
        return {}
    if not prefix:
        return found
    return {
        folder.removeprefix(prefix).strip("/"): text
        for folder, text in found.items()
        if folder == prefix or folder.startswith(prefix + "/")
    }
