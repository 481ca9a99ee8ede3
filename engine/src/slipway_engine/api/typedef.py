"""The types, functions and arguments that a module registers, built by the SDK's chained calls."""

from dataclasses import dataclass, replace
from typing import Any

from slipway_engine.api.base import Object
from slipway_engine.api.context import Context
from slipway_engine.errors import UsageError
from slipway_engine.model.go_durations import check_ttl
from slipway_engine.model.node import Node


@dataclass(frozen=True)
class SourceMap(Object):
    """Where something is defined."""

    filename: str
    line: int
    column: int
    module: str = ""
    url: str = ""


@dataclass(frozen=True)
class FunctionArg(Node):
    """An argument of a function; the default is JSON text."""

    name: str
    type_def: "TypeDef"
    description: str = ""
    default_value: str | None = None
    default_path: str = ""
    default_address: str = ""
    ignore: tuple[str, ...] = ()
    deprecated: str | None = None

    @property
    def required(self) -> bool:
        """Return whether a caller must give it."""
        contextual = self.default_path or self.default_address
        return not (self.type_def.optional or contextual or self.default_value is not None)


@dataclass(frozen=True)
class Function(Object):
    """A function of a module; a constructor has no name."""

    name: str
    return_type: "TypeDef"
    description: str = ""
    args: tuple[FunctionArg, ...] = ()
    cache_policy: str = "Default"
    time_to_live: str = ""
    check: bool = False
    deprecated: str | None = None

    def with_arg(
        self,
        _ctx: Context,
        *,
        name: str,
        type_def: "TypeDef",
        description: str | None = "",
        default_value: str | None = None,
        default_path: str | None = "",
        ignore: list[str] | None = None,
        source_map: SourceMap | None = None,
        deprecated: str | None = None,
        default_address: str | None = "",
    ) -> "Function":
        """Add an argument."""
        contextual = bool(default_path or default_address)
        arg = FunctionArg(
            name,
            replace(type_def, optional=True) if contextual else type_def,
            (description or "").strip(),
            default_value,
            default_path or "",
            default_address or "",
            tuple(ignore or ()),
            deprecated,
        )
        return replace(self, args=(*self.args, arg))

    def with_description(self, _ctx: Context, *, description: str) -> "Function":
        """Set what it does."""
        return replace(self, description=description.strip())

    def with_cache_policy(self, _ctx: Context, *, policy: str, time_to_live: str | None = None) -> "Function":
        """Set whether and for how long results are kept."""
        if time_to_live and policy != "Default":
            raise UsageError(f"function {self.name!r}: a time to live needs the default cache policy, not {policy}")
        if time_to_live:
            check_ttl(self.name, time_to_live)
        return replace(self, cache_policy=policy, time_to_live=time_to_live or "")

    def with_check(self, _ctx: Context) -> "Function":
        """Mark it as a check."""
        return replace(self, check=True)

    def with_deprecated(self, _ctx: Context, *, reason: str | None = None) -> "Function":
        """Mark it as deprecated."""
        return replace(self, deprecated=reason or "")

    def with_generator(self, _ctx: Context) -> "Function":
        """Mark it as a generator, which `ci` treats as any function."""
        return self

    def with_up(self, _ctx: Context) -> "Function":
        """Mark it as a service to bring up, which `ci` treats as any function."""
        return self

    def with_source_map(self, _ctx: Context, *, source_map: SourceMap) -> "Function":
        """Accept the place of its definition."""
        return self


@dataclass(frozen=True)
class FieldTypeDef(Node):
    """A field of an object."""

    name: str
    type_def: "TypeDef"
    description: str = ""
    deprecated: str | None = None


@dataclass(frozen=True)
class EnumMemberTypeDef(Node):
    """A member of an enum: its name is what the API and the command line use."""

    name: str
    value: str = ""
    description: str = ""
    deprecated: str | None = None


@dataclass(frozen=True)
class TypeDef(Object):
    """A type, or a reference to an object, interface, scalar or enum by its name."""

    kind: str = "VOID_KIND"
    name: str = ""
    description: str = ""
    optional: bool = False
    element: "TypeDef | None" = None
    fields: tuple[FieldTypeDef, ...] = ()
    functions: tuple[Function, ...] = ()
    constructor: Function | None = None
    members: tuple[EnumMemberTypeDef, ...] = ()
    deprecated: str | None = None

    def with_kind(self, _ctx: Context, *, kind: str) -> "TypeDef":
        """Make it a scalar of this kind."""
        return replace(self, kind=kind if kind.endswith("_KIND") else f"{kind}_KIND")

    def with_optional(self, _ctx: Context, *, optional: bool) -> "TypeDef":
        """Set whether a value may be missing."""
        return replace(self, optional=optional)

    def with_list_of(self, _ctx: Context, *, element_type: "TypeDef") -> "TypeDef":
        """Make it a list."""
        return replace(self, kind="LIST_KIND", element=element_type)

    def with_scalar(self, _ctx: Context, *, name: str, description: str | None = "") -> "TypeDef":
        """Make it a named scalar."""
        return self._named("SCALAR_KIND", name, description)

    def with_object(
        self,
        _ctx: Context,
        *,
        name: str,
        description: str | None = "",
        source_map: SourceMap | None = None,
        deprecated: str | None = None,
    ) -> "TypeDef":
        """Make it an object."""
        return replace(self._named("OBJECT_KIND", name, description), deprecated=deprecated)

    def with_interface(
        self,
        _ctx: Context,
        *,
        name: str,
        description: str | None = "",
        source_map: SourceMap | None = None,
    ) -> "TypeDef":
        """Make it an interface."""
        return self._named("INTERFACE_KIND", name, description)

    def with_enum(
        self,
        _ctx: Context,
        *,
        name: str,
        description: str | None = "",
        source_map: SourceMap | None = None,
    ) -> "TypeDef":
        """Make it an enum."""
        return self._named("ENUM_KIND", name, description)

    def with_enum_member(
        self,
        _ctx: Context,
        *,
        name: str,
        value: str | None = "",
        description: str | None = "",
        source_map: SourceMap | None = None,
        deprecated: str | None = None,
    ) -> "TypeDef":
        """Add a member of an enum."""
        member = EnumMemberTypeDef(name, value or "", (description or "").strip(), deprecated)
        return replace(self, members=(*self.members, member))

    def with_enum_value(self, ctx: Context, *, value: str, **details: Any) -> "TypeDef":
        """Add a member of an enum whose name is its value."""
        return self.with_enum_member(ctx, name=value, value=value, **details)

    def with_field(
        self,
        _ctx: Context,
        *,
        name: str,
        type_def: "TypeDef",
        description: str | None = "",
        source_map: SourceMap | None = None,
        deprecated: str | None = None,
    ) -> "TypeDef":
        """Add a field of an object."""
        _unreserved("field", name)
        field = FieldTypeDef(name, type_def, (description or "").strip(), deprecated)
        return replace(self, fields=(*self.fields, field))

    def with_function(self, _ctx: Context, *, function: Function) -> "TypeDef":
        """Add a function of an object or interface."""
        _unreserved("function", function.name)
        return replace(self, functions=(*self.functions, function))

    def with_constructor(self, _ctx: Context, *, function: Function) -> "TypeDef":
        """Set the constructor of an object."""
        return replace(self, constructor=function)

    def _named(self, kind: str, name: str, description: str | None) -> "TypeDef":
        return replace(self, kind=kind, name=name, description=(description or "").strip())


def _unreserved(kind: str, name: str) -> None:
    # Every object of the API has one of its own.
    if name == "id":
        raise UsageError(f"cannot define {kind} with reserved name {name!r}: give it another name")
