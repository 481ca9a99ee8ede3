"""What all objects of the API have in common."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from ci.local.node import Node

if TYPE_CHECKING:
    from ci.local.context import Context


@dataclass(frozen=True)
class Object(Node):
    """A value that clients refer to by an ID."""

    graphql_type: ClassVar[str] = ""

    def __init_subclass__(cls) -> None:
        """Name the API's type after the class, unless it says another."""
        super().__init_subclass__()
        cls.graphql_type = cls.graphql_type or cls.__name__

    def id(self, ctx: "Context") -> str:
        """Return the ID by which `node(id:)` finds it again."""
        return ctx.engine.save(self)
