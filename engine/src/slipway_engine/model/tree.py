"""File trees, described by how they come about; nothing here is executed (that is the work of `trees/`)."""

from dataclasses import dataclass

from slipway_engine.model.node import Node
from slipway_engine.model.secret import Secret


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


NOTHING = Location()


@dataclass(frozen=True)
class Filter(Node):
    """Which entries of a folder are taken."""

    include: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    gitignore: bool = False

    @property
    def trivial(self) -> bool:
        """Return whether the filter takes all entries."""
        return not (self.include or self.exclude or self.gitignore)


ALL = Filter()


@dataclass(frozen=True)
class Selected(Tree):
    """A folder's entries, as a tree of their own: filtered, and with other times or owners where asked."""

    source: Location
    filter: Filter = ALL
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
class Built(Tree):
    """What a Dockerfile makes of a folder, by the BuildKit inside Docker."""

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
class Download(Tree):
    """One file from a URL; its digest names it."""

    url: str
    name: str
    permissions: int
    checksum: str  # sha256:…
    authorization: Secret | None = None
