"""The values that IDs name: saved in the store, so that a later session can load them."""

import json

from slipway_engine.errors import EngineError
from slipway_engine.model.node import Node, decode, references
from slipway_engine.model.secret import Secret
from slipway_engine.store.database import Store


class Values:
    """The values that one session has saved or loaded."""

    def __init__(self, store: Store) -> None:
        """Start with none."""
        self._store = store
        self._nodes: dict[str, Node] = {}
        self._saved: set[str] = set()

    def save(self, node: Node) -> str:
        """Save a value and return its ID; any later session can load it while the store remembers it."""
        bodies: list[tuple[str, str]] = []
        self._collect(node, bodies)
        if bodies:
            self._store.put_nodes(bodies)
        return f"{type(node).__name__}:{node.identity}"

    def load(self, identifier: str) -> Node:
        """Return the value that an ID names; raises EngineError when the store does not know it."""
        digest = identifier.rpartition(":")[2]
        if digest not in self._nodes:
            encoded = self._store.get_node(digest)
            if encoded is None:
                raise EngineError(f"unknown ID {identifier[:40]!r}: it was pruned, or is another engine's")
            self._nodes[digest] = decode(encoded, {ref: self.load(ref) for ref in references(encoded)})
        return self._nodes[digest]

    def _collect(self, node: Node, bodies: list[tuple[str, str]]) -> None:
        if node.identity in self._saved:
            return
        self._saved.add(node.identity)
        self._nodes.setdefault(node.identity, node)
        bodies.append((node.identity, json.dumps(node.encoded)))
        for child in node.children():
            self._collect(child, bodies)


def is_persistable(node: Node) -> bool:
    """Return whether a later session could use a value: not if it holds a secret that only this session knows."""
    if isinstance(node, Secret) and not node.uri:
        return False
    return all(is_persistable(child) for child in node.children())
