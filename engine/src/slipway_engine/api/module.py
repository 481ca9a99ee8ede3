"""The types that a module registers, and the module of a running function."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from slipway_engine.api.base import Object
from slipway_engine.api.context import Context
from slipway_engine.api.directory import Directory
from slipway_engine.api.typedef import TypeDef
from slipway_engine.errors import Unsupported
from slipway_engine.model.node import Node
from slipway_engine.model.tree import Filter

OWN_FOLDER = "a function's working folder is its own, and goes with it"


@dataclass(frozen=True)
class Module(Object):
    """The types that a module registers."""

    name: str = ""
    description: str = ""
    objects: tuple[TypeDef, ...] = ()
    interfaces: tuple[TypeDef, ...] = ()
    enums: tuple[TypeDef, ...] = ()

    def sync(self, ctx: Context) -> str:
        """Do nothing: a module is loaded as soon as it is there."""
        return self.id(ctx)

    def with_description(self, _ctx: Context, *, description: str) -> "Module":
        """Set the description."""
        return replace(self, description=description.strip())

    def with_object(self, _ctx: Context, *, object: TypeDef) -> "Module":
        """Add an object."""
        return replace(self, objects=(*self.objects, object))

    def with_interface(self, _ctx: Context, *, iface: TypeDef) -> "Module":
        """Add an interface."""
        return replace(self, interfaces=(*self.interfaces, iface))

    def with_enum(self, _ctx: Context, *, enum: TypeDef) -> "Module":
        """Add an enum."""
        return replace(self, enums=(*self.enums, enum))

    def object(self, name: str) -> TypeDef | None:
        """Return the definition of one of its objects or interfaces."""
        return next((found for found in (*self.objects, *self.interfaces) if found.name == name), None)

    def enum(self, name: str) -> TypeDef | None:
        """Return the definition of one of its enums."""
        return next((found for found in self.enums if found.name == name), None)


@dataclass(frozen=True)
class CurrentModule(Object):
    """The module of the function that sends the query."""

    name: str
    root: str  # the folder of its sources on the host
    include: tuple[str, ...] = ()

    async def source(self, ctx: Context) -> Node:
        """Return the module's sources, as dagger.json selects them."""
        exclude = tuple(pattern[1:] for pattern in self.include if pattern.startswith("!"))
        return Directory(await ctx.engine.uploads.take_once(Path(self.root), Filter(exclude=exclude)))

    def workdir(self, _ctx: Context, **_path: Any) -> Node:
        """Refuse: a function's working folder is its own."""
        raise Unsupported("CurrentModule.workdir", OWN_FOLDER)

    def workdir_file(self, _ctx: Context, **_path: Any) -> Node:
        """Refuse: a function's working folder is its own."""
        raise Unsupported("CurrentModule.workdirFile", OWN_FOLDER)
