"""Two folders compared, as a Dagger engine's changesets do it: by names, contents and whether a file is executable."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from slipway_engine.files.manifest import Manifest
from slipway_engine.files.staging import EXECUTABLE
from slipway_engine.files.tar import Entry


@dataclass(frozen=True)
class ChangedPaths:
    """The paths that differ, sorted; those of folders end in a slash."""

    added: tuple[str, ...]
    modified: tuple[str, ...]  # files only
    removed: tuple[str, ...]  # what is in a removed folder, too

    @classmethod
    def of(cls, lower: Manifest, upper: Manifest) -> "ChangedPaths":
        """Compare an older folder with a newer one."""
        old, new = (dict(_shown(manifest.entries)) for manifest in (lower, upper))
        return cls(
            tuple(sorted(new.keys() - old.keys())),
            tuple(sorted(path for path in old.keys() & new.keys() if old[path] != new[path])),
            tuple(sorted(old.keys() - new.keys())),
        )

    @property
    def has_files(self) -> bool:
        """Return whether files differ: folders alone are no change to git."""
        return any(self.files(self.added, self.modified, self.removed))

    @property
    def before(self) -> frozenset[str]:
        """The files that differ and that the older folder has."""
        return frozenset(self.files(self.modified, self.removed))

    @property
    def after(self) -> frozenset[str]:
        """The files that differ and that the newer folder has."""
        return frozenset(self.files(self.added, self.modified))

    @staticmethod
    def files(*groups: Iterable[str]) -> Iterator[str]:
        """Go through the paths that are no folders."""
        return (path for group in groups for path in group if not path.endswith("/"))


def collapse(paths: Iterable[str]) -> list[str]:
    """Return sorted paths without those that lie in a folder among them."""
    kept: list[str] = []
    for path in sorted(paths):
        if not (kept and kept[-1].endswith("/") and path.startswith(kept[-1])):
            kept.append(path)
    return kept


def _shown(entries: dict[str, Entry]) -> Iterator[tuple[str, tuple[str, bool, str]]]:
    """Go through what counts: folders by their names, files by kind, executability and contents."""
    for path, (kind, mode, inside) in entries.items():
        if kind != "d":
            yield path, (kind, kind == "f" and bool(mode & EXECUTABLE), _contents(entries, inside))
        elif path:
            yield f"{path}/", (kind, False, "")


def _contents(entries: dict[str, Entry], inside: str) -> str:
    """Return a file's hash also where it is another name of a file in the same tree."""
    other = entries.get(inside.removeprefix("=")) if inside.startswith("=") else None
    return _contents(entries, other[2]) if other else inside
