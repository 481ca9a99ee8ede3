"""Steps: a command, and everything that can change what it does."""

import posixpath
from dataclasses import dataclass

from slipway_engine.model.node import Node
from slipway_engine.model.secret import NO_SECRET, Secret
from slipway_engine.model.tree import NOTHING, Location, Tree


@dataclass(frozen=True)
class Mount(Node):
    """Something at a path of a step that is not part of its file system."""

    path: str


@dataclass(frozen=True)
class FolderMount(Mount):
    """A folder; what a step writes there is seen by the next step."""

    source: Location = NOTHING
    owner: str = ""
    read_only: bool = False


@dataclass(frozen=True)
class FileMount(Mount):
    """A file."""

    source: Location = NOTHING
    owner: str = ""


@dataclass(frozen=True)
class CacheMount(Mount):
    """A volume that outlives the step; its contents never change a step's digest."""

    key: str = ""
    sharing: str = "SHARED"
    source: Location | None = None
    owner: str = ""


@dataclass(frozen=True)
class TempMount(Mount):
    """A file system in memory."""

    size: int | None = None


@dataclass(frozen=True)
class SecretMount(Mount):
    """A secret as a file in memory."""

    secret: Secret = NO_SECRET
    owner: str = ""
    mode: int = 0o400


@dataclass(frozen=True)
class SocketMount(Mount):
    """A Unix socket of the host."""

    socket: str = ""
    owner: str = ""


@dataclass(frozen=True)
class SecretVariable(Node):
    """An environment variable that only the step's process sees."""

    name: str
    secret: Secret


@dataclass(frozen=True)
class Binding(Node):
    """A service (a Service of `model.service`, which builds on this module) under a host name."""

    alias: str
    service: Node


@dataclass(frozen=True)
class Exec(Node):
    """One step: everything that can change what the command does, and nothing else."""

    rootfs: Tree
    args: tuple[str, ...]
    environment: tuple[tuple[str, str], ...] = ()
    volatile: tuple[tuple[str, str], ...] = ()
    workdir: str = "/"
    user: str = ""
    mounts: tuple[Mount, ...] = ()
    secrets: tuple[SecretVariable, ...] = ()
    bindings: tuple[Binding, ...] = ()
    stdin: str = ""
    redirect_stdin: str = ""
    redirect_stdout: str = ""
    redirect_stderr: str = ""
    expect: str = "SUCCESS"
    insecure: bool = False

    @property
    def held_secrets(self) -> list[Secret]:
        """The secrets that the command can read."""
        mounted = [mount.secret for mount in self.mounts if isinstance(mount, SecretMount)]
        return [*(variable.secret for variable in self.secrets), *mounted]


@dataclass(frozen=True)
class AfterExec(Tree):
    """The file system that a step leaves."""

    step: Exec


@dataclass(frozen=True)
class AfterMount(Tree):
    """What a step leaves in a mounted folder."""

    step: Exec
    mount: str


def absolute(workdir: str, path: str) -> str:
    """Return a path as a step sees it: relative paths start in its working directory."""
    return posixpath.normpath(posixpath.join("/", workdir, path))
