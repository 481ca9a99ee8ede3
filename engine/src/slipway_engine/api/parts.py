"""The API's small objects that describe a container: EnvVariable, Label, Port and HealthcheckConfig."""

from dataclasses import dataclass

from slipway_engine.api.base import Object
from slipway_engine.model import container, healthcheck


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


@dataclass(frozen=True)
class Port(Object, container.Port):
    """A port that a container listens on."""


@dataclass(frozen=True)
class HealthcheckConfig(Object, healthcheck.HealthcheckConfig):
    """An image's health check; the attributes have the names of the API's fields."""
