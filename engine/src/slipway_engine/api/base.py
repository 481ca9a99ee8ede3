"""What all objects of the API have in common."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from slipway_engine.node import Node

if TYPE_CHECKING:
    from slipway_engine.context import Context


@dataclass(frozen=True)
class Object(Node):
    """A value that clients refer to by an ID."""

    # The API's name of the type, where it is not the class's own.
    graphql_type: ClassVar[str] = ""

    def id(self, ctx: "Context") -> str:
        """Return the ID by which `node(id:)` finds it again."""
        return ctx.engine.save(self)
