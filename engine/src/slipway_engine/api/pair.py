"""The API's EnvVariable and Label."""

from dataclasses import dataclass

from slipway_engine.api.base import Object


@dataclass(frozen=True)
class EnvVariable(Object):
    """An environment variable."""

    name: str
    value: str


@dataclass(frozen=True)
class Label(Object):
    """An image's label."""

    name: str
    value: str
