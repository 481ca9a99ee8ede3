"""File trees, described by how they come about; nothing here is executed (that is solve.py's work)."""

from dataclasses import dataclass
from typing import Any

from slipway_engine.node import Node


@dataclass(frozen=True)
class Tree(Node):
    """A whole file system, starting at its root."""


@dataclass(frozen=True)
class Scratch(Tree):
    """Nothing."""


@dataclass(frozen=True)
class Image(Tree):
    """The file system of an image that Docker has."""

    image: str  # its ID


@dataclass(frozen=True)
class Upload(Tree):
    """A snapshot of a folder of the host, named by its contents."""

    content: str


@dataclass(frozen=True)
class Volume(Tree):
    """What a volume of this session holds."""

    name: str


@dataclass(frozen=True)
class Location(Node):
    """A path in a tree: the root of a Directory, or a File."""

    tree: Tree = Scratch()
    path: str = "/"


@dataclass(frozen=True)
class Filter(Node):
    """Which entries of a folder are taken."""

    include: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    gitignore: bool = False

    @property
    def trivial(self) -> bool:
        """Tell whether all are taken."""
        return not (self.include or self.exclude or self.gitignore)


@dataclass(frozen=True)
class Selected(Tree):
    """A folder's entries, as a tree of their own: filtered, and with other times or owners where asked."""

    source: Location
    filter: Filter = Filter()
    timestamp: int | None = None  # seconds since 1970
    owner: str = ""
    owned: str = ""  # the path that gets the owner


@dataclass(frozen=True)
class Difference(Tree):
    """What is new or changed in `upper` when it is compared with `lower`."""

    lower: Location
    upper: Location


PATCH = "diff.patch"


@dataclass(frozen=True)
class PatchOf(Tree):
    """What makes `upper` of `lower`, as a patch: one file, PATCH."""

    lower: Location
    upper: Location


@dataclass(frozen=True)
class Operation(Node):
    """One change of a tree."""

    path: str


@dataclass(frozen=True)
class Patched(Tree):
    """A tree after a change."""

    base: Tree
    operation: Operation


@dataclass(frozen=True)
class CopyFolder(Operation):
    """Copy what is in a folder into another; files that are there already are replaced."""

    source: Location
    filter: Filter = Filter()
    owner: str = ""
    permissions: int | None = None


@dataclass(frozen=True)
class CopyFile(Operation):
    """Copy one file to a path; the path ends in a slash when it names the folder to copy into."""

    source: Location
    owner: str = ""
    permissions: int | None = None


@dataclass(frozen=True)
class WriteFile(Operation):
    """Write a file of this text."""

    contents: str
    permissions: int | None = None
    owner: str = ""


@dataclass(frozen=True)
class MakeFolder(Operation):
    """Make a folder and its parents."""

    permissions: int | None = None
    owner: str = ""


@dataclass(frozen=True)
class MakeLink(Operation):
    """Make a symbolic link."""

    target: str


@dataclass(frozen=True)
class Remove(Operation):
    """Remove a file or a folder; a path with a star names all that fit, and what is not there is no error."""


@dataclass(frozen=True)
class Built(Tree):
    """What a Dockerfile makes of a folder, by Docker's own builder."""

    context: Location
    dockerfile: str
    target: str
    arguments: tuple[tuple[str, str], ...]
    platform: str


@dataclass(frozen=True)
class GitTree(Tree):
    """A commit's files."""

    url: str
    commit: str
    keep_git_dir: bool


@dataclass(frozen=True)
class Secret(Node):
    """A value that no output may show. `plain` is its digest under the store's own key: never the value."""

    name: str = ""
    uri: str = ""
    plain: str = ""
    cache_key: str = ""


@dataclass(frozen=True)
class Download(Tree):
    """One file from a URL; its digest names it."""

    url: str
    name: str
    permissions: int
    checksum: str  # sha256:…
    authorization: Secret | None = None


@dataclass(frozen=True)
class Mount(Node):
    """Something at a path of a step that is not part of its file system."""

    path: str


@dataclass(frozen=True)
class FolderMount(Mount):
    """A folder; what a step writes there is seen by the next step."""

    source: Location = Location()
    owner: str = ""
    read_only: bool = False


@dataclass(frozen=True)
class FileMount(Mount):
    """A file."""

    source: Location = Location()
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

    secret: Secret = Secret()
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
    """A service under a host name. `service` is an API Service."""

    alias: str
    service: Any


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


@dataclass(frozen=True)
class AfterExec(Tree):
    """The file system that a step leaves."""

    step: Exec


@dataclass(frozen=True)
class AfterMount(Tree):
    """What a step leaves in a mounted folder."""

    step: Exec
    mount: str


@dataclass(frozen=True)
class Tarball(Tree):
    """A container as an image archive: one file at /container.tar. `container` is an API Container."""

    container: Node
    media_types: str
