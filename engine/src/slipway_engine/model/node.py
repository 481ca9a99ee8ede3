"""Values of the API: immutable, described by data alone, and named by the digest of that description."""

import hashlib
import json
from dataclasses import dataclass, fields, is_dataclass
from functools import cached_property
from typing import Any, ClassVar

Encoded = dict[str, Any]


@dataclass(frozen=True)
class Node:
    """A value that is what it was made from; subclasses are frozen dataclasses of plain data and other nodes."""

    types: ClassVar[dict[str, type["Node"]]] = {}

    def __init_subclass__(cls) -> None:
        """Register the class, so that a stored description finds its way back."""
        Node.types[cls.__name__] = cls

    @cached_property
    def encoded(self) -> Encoded:
        """The description: the class and its fields, other nodes by their digest."""
        return {"type": type(self).__name__} | {f.name: _encode(getattr(self, f.name)) for f in fields(self)}

    @cached_property
    def identity(self) -> str:
        """The SHA-256 of the description, in hexadecimal digits."""
        return digest_of(self.encoded)

    def children(self) -> list["Node"]:
        """The nodes that this one names."""
        return [node for f in fields(self) for node in _nodes(getattr(self, f.name))]


def digest_of(value: object) -> str:
    """Return the SHA-256 of a JSON value's canonical text."""
    return hashlib.sha256(json.dumps(value, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


def short_name(text: str) -> str:
    """Return a short stable name for a text, fit for a volume's or a file's name."""
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def decode(encoded: Encoded, nodes: dict[str, Node]) -> Node:
    """Rebuild a node from its description; `nodes` holds the ones it names, by digest."""
    data = dict(encoded)
    cls = Node.types[data.pop("type")]
    return cls(**{name: _decode(value, nodes) for name, value in data.items()})


def references(value: object) -> list[str]:
    """Return the digests of the nodes that a description names."""
    match value:
        case {"node": str(digest)}:
            return [digest]
        case dict():
            return [d for item in value.values() for d in references(item)]
        case list():
            return [d for item in value for d in references(item)]
    return []


def _encode(value: Any) -> Any:
    if isinstance(value, Node):
        return {"node": value.identity}
    if isinstance(value, tuple):
        return [_encode(item) for item in value]
    if is_dataclass(value):
        raise TypeError(f"{type(value).__name__} must be a Node to be part of one")
    return value


def _decode(value: Any, nodes: dict[str, Node]) -> Any:
    match value:
        case {"node": str(digest)}:
            return nodes[digest]
        case list():
            return tuple(_decode(item, nodes) for item in value)
    return value


def _nodes(value: Any) -> list[Node]:
    if isinstance(value, Node):
        return [value]
    if isinstance(value, tuple):
        return [node for item in value for node in _nodes(item)]
    return []
