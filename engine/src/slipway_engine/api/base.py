"""What all objects of the API have in common."""

from dataclasses import dataclass
from typing import Any, ClassVar

from slipway_engine.api.context import Context
from slipway_engine.model.node import Node


@dataclass(frozen=True)
class Object(Node):
    """A value that clients refer to by an ID."""

    # The API's name of the type, where it is not the class's own.
    graphql_type: ClassVar[str] = ""
    # The classes by the API's names of their types.
    kinds: ClassVar[dict[str, type["Object"]]] = {}

    def __init_subclass__(cls, **options: Any) -> None:
        """Register the class."""
        super().__init_subclass__(**options)
        Object.kinds.setdefault(cls.graphql_type or cls.__name__, cls)

    def id(self, ctx: Context) -> str:
        """Return the ID by which `node(id:)` finds it again."""
        return ctx.engine.values.save(self)
