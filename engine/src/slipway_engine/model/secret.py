"""Secrets, described without their values."""

from dataclasses import dataclass

from slipway_engine.model.node import Node


@dataclass(frozen=True)
class Secret(Node):
    """A value that no output may show. `plain` is its digest under the store's own key: never the value."""

    name: str = ""
    uri: str = ""
    plain: str = ""
    cache_key: str = ""


NO_SECRET = Secret()
