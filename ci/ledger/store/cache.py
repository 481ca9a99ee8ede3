"""A cache of records in a folder: a record never changes, so one read from the registry is enough."""

import contextlib
import hashlib
import uuid
from dataclasses import dataclass
from pathlib import Path

# Not a tag's name: those of files that are no records begin with a dot.
IMAGES_ONLY = ".images-only"


@dataclass(frozen=True)
class Cache:
    """The records of one repository, one file per tag; without a folder, none."""

    folder: Path | None = None

    @classmethod
    def of(cls, folder: str, repository: str) -> "Cache":
        """Return the cache of a repository (with its host) inside a folder; an empty folder means no cache."""
        return cls(Path(folder) / hashlib.sha256(repository.encode()).hexdigest()[:16] if folder else None)

    @property
    def images_only(self) -> bool:
        """Whether the repository took records only in the form of images."""
        return self.folder is not None and (self.folder / IMAGES_ONLY).exists()

    def remember_images_only(self) -> None:
        """Remember that the repository took a record only in the form of an image."""
        if self.folder is not None:
            self.folder.mkdir(parents=True, exist_ok=True)
            (self.folder / IMAGES_ONLY).touch()

    def tags(self) -> set[str]:
        """Return the tags of the cached records."""
        if self.folder is None or not self.folder.is_dir():
            return set()
        return {path.name for path in self.folder.iterdir() if not path.name.startswith(".")}

    def get(self, tag: str) -> bytes | None:
        """Return a record's manifest; None: it is not cached."""
        if self.folder is None:
            return None
        with contextlib.suppress(FileNotFoundError):
            return (self.folder / tag).read_bytes()
        return None

    def put(self, tag: str, manifest: bytes) -> None:
        """Cache a record's manifest, in one atomic step."""
        if self.folder is None or (self.folder / tag).exists():
            return
        self.folder.mkdir(parents=True, exist_ok=True)
        unfinished = self.folder / f".{uuid.uuid4().hex}"
        unfinished.write_bytes(manifest)
        unfinished.replace(self.folder / tag)

    def drop(self, tag: str) -> None:
        """Remove a record."""
        if self.folder is not None:
            (self.folder / tag).unlink(missing_ok=True)
