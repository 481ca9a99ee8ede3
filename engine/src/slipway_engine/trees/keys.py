"""Keys of the cache: what a value is made of, by content, so that equal inputs give equal keys in every process.

A folder of the host counts by the files that are taken from it (names, modes, contents), not by its path or its times;
so a change of the README does not repeat a step that only takes `src`.
"""

from typing import Any

from slipway_engine.model.node import Node, digest_of
from slipway_engine.model.secret import Secret
from slipway_engine.model.step import Exec
from slipway_engine.model.tree import Download, Location
from slipway_engine.store.secrets import Secrets
from slipway_engine.trees.hosted import manifest_of
from slipway_engine.trees.uploads import Uploads

# What does not change a step's outcome.
IGNORED: dict[type[Node], frozenset[str]] = {
    Exec: frozenset({"volatile"}),
    Download: frozenset({"url", "authorization"}),
}


class Keys:
    """The keys of one session's values, each computed once."""

    def __init__(self, uploads: Uploads, secrets: Secrets) -> None:
        """Start with none."""
        self._uploads, self._secrets = uploads, secrets
        self._known: dict[str, str] = {}

    def of(self, node: Node) -> str:
        """Return a value's key: 64 hexadecimal digits."""
        if (key := self._known.get(node.identity)) is None:
            key = self._known[node.identity] = self._compute(node)
        return key

    def _compute(self, node: Node) -> str:
        if isinstance(node, Location) and (content := manifest_of(self._uploads, node)) is not None:
            return digest_of(["location", content.digest])
        if isinstance(node, Secret):
            return digest_of(["secret", node.cache_key or self._secrets.fingerprint(node)])
        skipped = IGNORED.get(type(node), frozenset())
        fields = {name: self._value(getattr(node, name)) for name in node.encoded if name not in {"type", *skipped}}
        name = "location" if isinstance(node, Location) else type(node).__name__
        return digest_of([name, fields])

    def _value(self, value: Any) -> Any:
        if isinstance(value, Node):
            return self.of(value)
        if isinstance(value, tuple):
            return [self._value(item) for item in value]
        return value
