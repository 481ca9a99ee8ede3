"""The folders of the repository that a service needs beside its own: its uv workspace, and its path dependencies."""

import os
import re
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any

LOCK_FILE, MANIFEST = "uv.lock", "pyproject.toml"
KINDS = ("editable", "virtual", "directory")
# A local package in another folder than the lock file's; other lock files need not be parsed.
ELSEWHERE = re.compile(rf'\{{ (?:{"|".join(KINDS)}) = "(?!\."|"\}})')


@dataclass(frozen=True)
class Workspace:
    """A service's place among its local packages; every path is one of the repository."""

    # The service's folder, and the folder with its lock file: the same, or one above.
    service: str
    lock_folder: str
    # The folders of all packages that the lock file finds in the repository, and of those that the service depends on.
    members: tuple[str, ...] = ()
    dependencies: tuple[str, ...] = ()

    @property
    def root(self) -> str:
        """The lowest folder that holds the service and everything that it needs."""
        return os.path.commonpath([self.service, self.lock_folder, *self.members]) or "."

    @property
    def manifests(self) -> tuple[str, ...]:
        """The files that uv reads before it installs anything."""
        folders = dict.fromkeys((self.lock_folder, self.service, *self.members))
        lock_file = str(PurePosixPath(self.lock_folder, LOCK_FILE))
        return (lock_file, *(str(PurePosixPath(folder, MANIFEST)) for folder in folders))

    @property
    def outside(self) -> tuple[str, ...]:
        """What the service is made of outside of its own folder: the lock file and its manifest, and dependencies."""
        found = (*self.dependencies, *(self.manifests if self.root != self.service else ()))
        return tuple(path for path in dict.fromkeys(found) if not PurePosixPath(path).is_relative_to(self.service))


def lock_folders(service: str) -> tuple[str, ...]:
    """Return the folders that may hold a service's lock file, its own first."""
    return tuple(dict.fromkeys(map(str, (PurePosixPath(service), *PurePosixPath(service).parents))))


def find_workspace(service: str, lock_folder: str, lock: str) -> Workspace:
    """Find the local packages in the text of a lock file.

    Raises:
        ValueError: One of them lies outside of the repository; the message names it.
    """
    if lock_folder == service and not ELSEWHERE.search(lock):
        return Workspace(service, lock_folder)
    packages = tomllib.loads(lock).get("package", [])
    folders = {package["name"]: folder for package in packages if (folder := _folder(lock_folder, package))}
    needed = _needed({package["name"]: package for package in packages}, folders, service)
    others = [folder for folder in folders.values() if folder not in {service, lock_folder}]
    dependencies = [folders[name] for name in needed if name in folders and folders[name] != service]
    return Workspace(service, lock_folder, tuple(others), tuple(dependencies))


def _folder(lock_folder: str, package: dict[str, Any]) -> str:
    source = package.get("source", {})
    path = next((source[kind] for kind in KINDS if kind in source), "")
    folder = os.path.normpath(str(PurePosixPath(lock_folder, path))) if path else ""
    if folder.startswith(("..", "/")):
        raise ValueError(f"{package['name']} lies outside of the repository, in {path}: move it inside")
    return folder


def _needed(packages: dict[str, dict[str, Any]], folders: dict[str, str], service: str) -> list[str]:
    """Return the names of the packages that the service depends on, at any depth."""
    left = [name for name, folder in folders.items() if folder == service]
    found: dict[str, None] = {}
    while left:
        for name in _dependencies(packages.get(left.pop(), {})):
            if name not in found:
                found[name] = None
                left.append(name)
    return list(found)


def _dependencies(package: dict[str, Any]) -> Iterator[str]:
    groups = (*package.get("dev-dependencies", {}).values(), *package.get("optional-dependencies", {}).values())
    for group in (package.get("dependencies", []), *groups):
        yield from (dependency["name"] for dependency in group)
