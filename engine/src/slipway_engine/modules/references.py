"""The API's values that a JSON value refers to."""

import re
from collections.abc import Iterator
from typing import Any

from slipway_engine.errors import EngineError
from slipway_engine.model.node import Node
from slipway_engine.store.values import Values

_ID = re.compile(r"[A-Z][A-Za-z]*:[0-9a-f]{64}")


def ids(value: Any) -> Iterator[str]:
    """Yield the IDs in a JSON value, also those in fields that the module does not declare."""
    match value:
        case str() if _ID.fullmatch(value):
            yield value
        case list():
            for item in value:
                yield from ids(item)
        case dict():
            for item in value.values():
                yield from ids(item)


def nodes(values: Values, value: Any) -> dict[str, Node | None]:
    """Return the values behind the IDs in a JSON value; nothing stands for one that the engine does not know."""
    return {identifier: _load(values, identifier) for identifier in ids(value)}


def _load(values: Values, identifier: str) -> Node | None:
    try:
        return values.load(identifier)
    except EngineError:
        return None
