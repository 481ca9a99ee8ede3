"""Changes of a tree, one at a time."""

from dataclasses import dataclass

from slipway_engine.model.node import Node
from slipway_engine.model.tree import ALL, Filter, Location, Tree


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
    filter: Filter = ALL
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
