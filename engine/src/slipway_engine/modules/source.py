"""Where a module is: its dagger.json, its Python package, its context, and the digest of its sources."""

import hashlib
import json
import os
import sys
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from slipway_engine.errors import Unsupported, UsageError
from slipway_engine.modules.names import pascal, snake
from slipway_engine.store.database import Store

CONFIG = "dagger.json"
ALWAYS = (CONFIG, "pyproject.toml", "uv.lock", "requirements.lock")
NEVER = frozenset({".git", "__pycache__", ".venv"})


@dataclass(frozen=True)
class ModuleSource:
    """A module on this machine."""

    name: str
    root: Path  # where dagger.json is
    source: Path  # where pyproject.toml is
    include: tuple[str, ...] = ()

    @classmethod
    def find(cls, reference: str | None, workdir: Path) -> "ModuleSource":
        """Find the module at a path, or the one that the working folder lies in."""
        start = (workdir / (reference or ".")).absolute()
        start = start.parent if start.name == CONFIG else start
        if not start.is_dir():
            raise UsageError(f"module {reference!r}: there is no such folder: {start}")
        for folder in (start, *start.parents):
            if (folder / CONFIG).is_file():
                return cls._read(folder)
        raise UsageError(
            f"there is no module here: {CONFIG} was not found in {start} or any folder above it. "
            "Go to the project's folder, or name it with -m FOLDER."
        )

    @classmethod
    def _read(cls, root: Path) -> "ModuleSource":
        path = root / CONFIG
        try:
            config = _table(json.loads(path.read_text()), "the file")
            name, sdk = _text(config.get("name"), "name"), config.get("sdk") or {}
            kind = sdk if isinstance(sdk, str) else _text(_table(sdk, "sdk").get("source", "none"), "sdk.source")
            source = (root / _text(config.get("source") or ".", "source")).resolve()
            include = _texts(config.get("include") or [], "include")
        except (OSError, ValueError) as error:
            raise UsageError(f"{path}: cannot be read as a module's configuration: {error}") from error
        if kind.partition("@")[0] != "python":
            raise Unsupported(f"{path}: the SDK {kind!r}", "it runs modules written in Python")
        return cls(name, root, source, include)

    @cached_property
    def context(self) -> Path:
        """The folder that contextual paths starting with a slash count from: the git repository, or the module."""
        return next((folder for folder in (self.root, *self.root.parents) if (folder / ".git").exists()), self.root)

    @property
    def main_object(self) -> str:
        """The name of the class with the module's functions."""
        return pascal(self.name)

    @cached_property
    def entry_point(self) -> str:
        """The place of that class: the entry point in pyproject.toml, or the package named as the module."""
        path = self.source / "pyproject.toml"
        try:
            table: dict[str, Any] = tomllib.loads(path.read_text()) if path.exists() else {}
            for name in ("project", "entry-points", "dagger.mod"):
                table = _table(table.get(name, {}), name)
            return _text(table.get("main_object", f"{self.default_package}:{self.main_object}"), "main_object")
        except (OSError, ValueError) as error:
            raise UsageError(f"{path}: {error}") from error

    @cached_property
    def default_package(self) -> str:
        """The package to import where pyproject.toml names none."""
        return next((name for name in (snake(self.name), "main") if self._package(name)), snake(self.name))

    @cached_property
    def import_paths(self) -> tuple[str, ...]:
        """The folders that the module's packages are imported from."""
        return tuple(str(folder) for folder in (self.source / "src", self.source) if folder.is_dir())

    @cached_property
    def package(self) -> Path:
        """The folder (or file) of the package that holds the main object."""
        name = self.entry_point.partition(":")[0].partition(".")[0].strip()
        if (found := self._package(name)) is None:
            raise UsageError(
                f"{self.source}: the entry point dagger.mod/main_object is {self.entry_point!r}, but there is no "
                f"package {name!r} in this module: create it, or correct the entry point in pyproject.toml"
            )
        return found

    def digest(self, store: Store) -> str:
        """Return the digest of all that the functions are made of; unchanged files are not read again."""
        files = list(self._files())
        stats = hashlib.sha256()
        for path, stat in files:
            stats.update(f"{path}\0{stat.st_mtime_ns}\0{stat.st_ctime_ns}\0{stat.st_size}\0{stat.st_ino}\n".encode())
        known = store.get_json("module-source", str(self.root))
        if known and known["stats"] == stats.hexdigest():
            return str(known["digest"])
        contents = hashlib.sha256(f"{self.name}\0{self.entry_point}\n".encode())
        for path, _ in files:
            data = Path(path).read_bytes()
            contents.update(f"{os.path.relpath(path, self.root)}\0{len(data)}\0".encode() + data)
        store.put_json("module-source", str(self.root), {"stats": stats.hexdigest(), "digest": contents.hexdigest()})
        return contents.hexdigest()

    def _package(self, name: str) -> Path | None:
        places = (Path(folder) / entry for folder in self.import_paths for entry in (name, f"{name}.py"))
        return next((place for place in places if place.exists()), None)

    def _files(self) -> Iterator[tuple[str, os.stat_result]]:
        for name in ALWAYS:
            for folder in {self.root, self.source}:
                if (path := folder / name).is_file():
                    yield str(path), path.stat()
        if self.package.is_file():
            yield str(self.package), self.package.stat()
        else:
            yield from self._walk(str(self.package))

    def _walk(self, folder: str) -> Iterator[tuple[str, os.stat_result]]:
        with os.scandir(folder) as found:
            entries = sorted(found, key=lambda entry: entry.name)
        for entry in entries:
            if entry.name in NEVER or self._excludes(entry.path):
                continue
            if entry.is_dir(follow_symlinks=False):
                yield from self._walk(entry.path)
            elif entry.is_file() and not entry.name.endswith(".pyc"):
                yield entry.path, entry.stat()

    def _excludes(self, path: str) -> bool:
        if not self._exclusions:
            return False
        from slipway_engine.files.patterns import matches  # noqa: PLC0415 - most modules exclude nothing

        return matches(self._exclusions, os.path.relpath(path, self.root))

    @cached_property
    def _exclusions(self) -> tuple[str, ...]:
        return tuple(pattern[1:] for pattern in self.include if pattern.startswith("!"))


def _table(value: Any, name: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise ValueError(f"{name} must be a table (is {value!r})")  # noqa: TRY004 - one error for all that is malformed
    return value


def _text(value: Any, name: str) -> str:
    if not isinstance(value, str) or not value:
        raise ValueError(f"{name} must be a text (is {value!r})")
    return value


def _texts(value: Any, name: str) -> tuple[str, ...]:
    if not isinstance(value, list):
        raise ValueError(f"{name} must be a list (is {value!r})")  # noqa: TRY004 - as above
    return tuple(_text(item, name) for item in value)


def runtime() -> str:
    """Return what runs the functions: the SDK's and Python's version."""
    from importlib.metadata import version  # noqa: PLC0415 - slow to import, and not always needed

    return f"dagger-io {version('dagger-io')}, python {sys.version_info.major}.{sys.version_info.minor}"
