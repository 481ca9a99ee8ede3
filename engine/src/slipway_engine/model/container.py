"""Containers, described: file system, environment, mounts and the rest of what a step starts from."""

import dataclasses
import posixpath
from dataclasses import dataclass
from typing import Any, Self

from slipway_engine.errors import EngineError
from slipway_engine.model.healthcheck import HealthcheckConfig
from slipway_engine.model.node import Node
from slipway_engine.model.operation import Operation, Patched
from slipway_engine.model.secret import Secret
from slipway_engine.model.step import Binding, Exec, FileMount, FolderMount, Mount, SecretVariable
from slipway_engine.model.tree import Location, Scratch, Tree

Pairs = tuple[tuple[str, str], ...]

EMPTY = Scratch()


@dataclass(frozen=True)
class RegistryLogin(Node):
    """Who may pull from and push to a registry."""

    address: str
    username: str
    secret: Secret


@dataclass(frozen=True)
class Port(Node):
    """A port that a container listens on."""

    port: int
    protocol: str = "TCP"
    description: str | None = None
    experimental_skip_healthcheck: bool = False


@dataclass(frozen=True)
class ContainerSpec(Node):
    """A container's description. The API's Container has methods under the names of its fields: here they differ."""

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

    def replace(self, **changes: Any) -> Self:
        """Return the container with some parts replaced."""
        return dataclasses.replace(self, **changes)

    def locate(self, path: str) -> tuple[FolderMount | FileMount | None, Location]:
        """Return where a path of the container lies: in a mounted folder, or in its own file system."""
        mount = self._mount_of(path)
        if mount is None:
            return None, Location(self.rootfs_tree, path)
        if isinstance(mount, FileMount):
            return mount, Location(mount.source.tree, mount.source.path)
        inner = path.removeprefix(mount.path.rstrip("/")).lstrip("/")
        return mount, Location(mount.source.tree, posixpath.join(mount.source.path, inner))

    def with_operation(self, path: str, make: Any) -> Self:
        """Return the container changed by the operation that `make` returns for the path's place in its tree."""
        mount, place = self.locate(path)
        if isinstance(mount, FileMount):
            raise EngineError(f"{path}: is a mounted file, which is not changed from outside: mount another one")
        operation: Operation = make(place.path)
        if mount is None:
            return self.replace(rootfs_tree=Patched(self.rootfs_tree, operation))
        source = Location(Patched(place.tree, operation), mount.source.path)
        return self.with_mount(dataclasses.replace(mount, source=source))

    def with_mount(self, mount: Mount) -> Self:
        """Return the container with a mount, in place of one at the same path."""
        others = tuple(m for m in self.mount_items if m.path != mount.path)
        return self.replace(mount_items=(*others, mount))

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

    def with_image_config(self, inspected: dict[str, Any], tree: Tree) -> Self:
        """Return the container with an image's configuration, as Docker inspects it."""
        config = inspected.get("Config") or {}
        ports = (port.partition("/") for port in config.get("ExposedPorts") or {})
        return self.replace(
            rootfs_tree=tree,
            platform_name=f"{inspected['Os']}/{inspected['Architecture']}",
            environment=tuple((n, v) for n, _, v in (e.partition("=") for e in config.get("Env") or ())),
            working_directory=config.get("WorkingDir") or "",
            user_name=config.get("User") or "",
            entrypoint_args=tuple(config.get("Entrypoint") or ()),
            command=tuple(config.get("Cmd") or ()),
            label_items=tuple(sorted(_labels(config.get("Labels") or {}))),
            ports=tuple(Port(int(number), protocol.upper() or "TCP") for number, _, protocol in ports),
            healthcheck=HealthcheckConfig.from_config(config.get("Healthcheck")),
            last=None,
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


@dataclass(frozen=True)
class Tarball(Tree):
    """A container as an image archive: one file at /container.tar."""

    container: ContainerSpec
    media_types: str


def put_pair(pairs: Pairs, name: str, value: str) -> Pairs:
    """Return pairs with one set; it keeps its place if it was there."""
    return tuple((dict(pairs) | {name: value}).items())


def drop_pair(pairs: Pairs, name: str) -> Pairs:
    """Return pairs without one."""
    return tuple(pair for pair in pairs if pair[0] != name)


def _labels(labels: dict[str, str]) -> list[tuple[str, str]]:
    return [(name, value) for name, value in labels.items() if not name.startswith("slipway.")]
