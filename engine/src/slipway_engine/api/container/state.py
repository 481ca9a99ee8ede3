"""What a container of the API is made of, and how its parts are found and replaced."""

import dataclasses
import posixpath
import re
from dataclasses import dataclass
from typing import Any, Self

from slipway_engine.api.base import Object
from slipway_engine.api.healthcheck import HealthcheckConfig
from slipway_engine.api.port import Port
from slipway_engine.errors import EngineError
from slipway_engine.prepare import absolute
from slipway_engine.trees import (
    Binding,
    Exec,
    FileMount,
    FolderMount,
    Location,
    Mount,
    Operation,
    Patched,
    Scratch,
    Secret,
    SecretVariable,
    Tree,
)

Pairs = tuple[tuple[str, str], ...]

EMPTY = Scratch()


@dataclass(frozen=True)
class RegistryLogin(Object):
    """Who may pull from and push to a registry."""

    address: str
    username: str
    secret: Secret


@dataclass(frozen=True)
class State(Object):
    """A container's description. The fields do not bear the names of the API's fields, which are methods."""

    rootfs_tree: Tree = EMPTY
    platform_name: str = ""
    reference: str = ""
    environment: Pairs = ()
    volatile: Pairs = ()
    secrets: tuple[SecretVariable, ...] = ()
    working_directory: str = ""
    user_name: str = ""
    entrypoint_args: tuple[str, ...] = ()
    command: tuple[str, ...] = ()
    terminal_command: tuple[str, ...] = ()
    label_items: Pairs = ()
    ports: tuple[Port, ...] = ()
    healthcheck: HealthcheckConfig | None = None
    mount_items: tuple[Mount, ...] = ()
    bindings: tuple[Binding, ...] = ()
    logins: tuple[RegistryLogin, ...] = ()
    last: Exec | None = None

    def but(self, **changes: Any) -> Self:
        """Return it with some parts replaced."""
        return dataclasses.replace(self, **changes)

    def expanded(self, text: str, expand: bool) -> str:
        """Return a text with `$NAME` and `${NAME}` replaced by the container's variables, where that is asked."""
        if not expand:
            return text
        if any(re.search(rf"\$(?:{{{v.name}}}|{v.name}\b)", text) for v in self.secrets):
            raise EngineError(
                f"{text!r}: a secret variable cannot be expanded: it would end in the container's description"
            )
        variables = dict(self.environment)
        return re.sub(r"\$(?:{(\w+)}|(\w+))", lambda m: variables.get(m[1] or m[2], ""), text)

    def absolute(self, path: str, expand: bool = False) -> str:
        """Return a path as the container sees it, a trailing slash kept."""
        path = self.expanded(path, expand)
        slash = "/" if path.endswith("/") and path.strip("/") else ""
        return absolute(self.working_directory, path) + slash

    def locate(self, path: str) -> tuple[FolderMount | FileMount | None, Location]:
        """Return where a path of the container lies: in a mounted folder, or in its own file system."""
        mount = self._mount_of(path)
        if mount is None:
            return None, Location(self.rootfs_tree, path)
        if isinstance(mount, FileMount):
            return mount, Location(mount.source.tree, mount.source.path)
        inner = path.removeprefix(mount.path.rstrip("/")).lstrip("/")
        return mount, Location(mount.source.tree, posixpath.join(mount.source.path, inner))

    def patched(self, path: str, make: Any) -> Self:
        """Return it changed by the operation that `make` returns for the path's place in its tree."""
        mount, place = self.locate(path)
        if isinstance(mount, FileMount):
            raise EngineError(f"{path}: is a mounted file, which is not changed from outside: mount another one")
        operation: Operation = make(place.path)
        if mount is None:
            return self.but(rootfs_tree=Patched(self.rootfs_tree, operation))
        source = Location(Patched(place.tree, operation), mount.source.path)
        return self.mounted(dataclasses.replace(mount, source=source))

    def mounted(self, mount: Mount) -> Self:
        """Return it with a mount, in place of one at the same path."""
        others = tuple(m for m in self.mount_items if m.path != mount.path)
        return self.but(mount_items=(*others, mount))

    def exec(self, args: tuple[str, ...], **options: Any) -> Exec:
        """Return the step that runs a command in it."""
        if not args:
            raise EngineError("no command to run: give args, or set an entrypoint or default args")
        return Exec(
            rootfs=self.rootfs_tree,
            args=args,
            environment=self.environment,
            volatile=self.volatile,
            workdir=self.working_directory,
            user=self.user_name,
            mounts=self.mount_items,
            secrets=self.secrets,
            bindings=self.bindings,
            **options,
        )

    def _mount_of(self, path: str) -> FolderMount | FileMount | None:
        found: FolderMount | FileMount | None = None
        for mount in self.mount_items:
            inside = path == mount.path or path.startswith(mount.path.rstrip("/") + "/")
            if inside and (found is None or len(mount.path) >= len(found.path)):
                if not isinstance(mount, FolderMount | FileMount):
                    raise EngineError(
                        f"{path}: cannot be read from or written to: {mount.path} is a mount that no step keeps"
                    )
                found = mount
        return found


def put_pair(pairs: Pairs, name: str, value: str) -> Pairs:
    """Return pairs with one set; it keeps its place if it was there."""
    return tuple((dict(pairs) | {name: value}).items())


def drop_pair(pairs: Pairs, name: str) -> Pairs:
    """Return pairs without one."""
    return tuple(pair for pair in pairs if pair[0] != name)
