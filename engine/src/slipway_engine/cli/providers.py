"""What can be called on a value: a module's functions and fields, or those of one of the API's own types."""

import functools
from dataclasses import dataclass, replace
from typing import Any

from slipway_engine.api.module import Module
from slipway_engine.api.typedef import Function, FunctionArg, TypeDef
from slipway_engine.modules.names import kebab, namespaced
from slipway_engine.modules.values import is_supported

# The type behind an argument that is an ID, by the argument's name, and where the same name means another type.
ID_ARGUMENTS = {
    "authHeader": "Secret",
    "cache": "CacheVolume",
    "changes": "Changeset",
    "container": "Container",
    "directory": "Directory",
    "experimentalServiceHost": "Service",
    "from": "Directory",
    "httpAuthHeader": "Secret",
    "httpAuthToken": "Secret",
    "other": "Directory",
    "patch": "File",
    "platformVariants": "Container",
    "registryService": "Service",
    "secret": "Secret",
    "secrets": "Secret",
    "service": "Service",
    "source": "Directory",
    "sources": "File",
    "ssh": "Socket",
    "sshAuthSocket": "Socket",
}
FILE_SOURCES = {"import": "File", "withFile": "File", "withMountedFile": "File"}
OTHER_SOURCES = {"withMountedSecret": "Secret", "withUnixSocket": "Socket"} | FILE_SOURCES
SCALARS = {
    "String": "STRING_KIND",
    "Int": "INTEGER_KIND",
    "Float": "FLOAT_KIND",
    "Boolean": "BOOLEAN_KIND",
    "Void": "VOID_KIND",
}


@dataclass(frozen=True)
class Provider:
    """A type with functions; a field is a function without arguments."""

    name: str  # in the code, or in the API for its own types
    title: str  # in the API
    functions: tuple[Function, ...]
    definition: TypeDef | None = None  # none for the API's own types

    @property
    def core(self) -> bool:
        """Return whether it is one of the API's own types."""
        return self.definition is None

    def find(self, name: str) -> Function | None:
        """Return the function that a command-line argument names."""
        wanted = kebab(name)
        return next((function for function in self.functions if kebab(function.name) == wanted), None)

    def is_field(self, function: Function) -> bool:
        """Return whether a function stands for a field."""
        return self.definition is not None and function.name in {field.name for field in self.definition.fields}


def provider_of(module: Module, type_def: TypeDef) -> Provider | None:
    """Return what can be called on a type's values (on each of a list's); nothing on scalars."""
    while type_def.kind == "LIST_KIND" and type_def.element is not None:
        type_def = type_def.element
    if type_def.kind not in {"OBJECT_KIND", "INTERFACE_KIND"}:
        return None
    definition = module.object(type_def.name)
    if definition is None:
        return core_provider(type_def.name)
    fields = tuple(Function(field.name, field.type_def, field.description) for field in definition.fields)
    functions = tuple(function for function in definition.functions if _callable(function, module))
    title = namespaced(definition.name, module.name) if module.name else definition.name
    return Provider(definition.name, title, fields + functions, definition)


def _callable(function: Function, module: Module) -> bool:
    return all(is_supported(arg.type_def, module) for arg in function.args if arg.required)


@functools.cache
def core_provider(name: str) -> Provider:
    """Return what the schema says about one of the API's own types."""
    from slipway_engine.api.schema import schema  # noqa: PLC0415 - takes long to import, and few commands need it

    fields: dict[str, Any] = getattr(schema().type_map.get(name), "fields", {})
    functions = tuple(_core_function(name, field, found) for field, found in fields.items() if field != "id")
    return Provider(name, name, functions)


def _core_function(owner: str, name: str, field: Any) -> Function:
    args = tuple(_core_arg(name, arg_name, arg) for arg_name, arg in field.args.items())
    result = _core_type(field.type, owner)
    return Function(name, result, args=args)


def _core_arg(function: str, name: str, arg: Any) -> FunctionArg:
    from graphql import Undefined  # noqa: PLC0415 - as above

    expected = OTHER_SOURCES.get(function, "Directory") if name == "source" else ID_ARGUMENTS.get(name, "")
    type_def = _core_type(arg.type, expected)
    if arg.default_value is not Undefined:
        type_def = replace(type_def, optional=True)
    return FunctionArg(name, type_def)


def _core_type(graphql_type: Any, of_id: str) -> TypeDef:
    """Convert a type of the schema; an ID stands for an object of the type `of_id`."""
    text = str(graphql_type)
    optional = not text.endswith("!")
    text = text.removesuffix("!")
    if text.startswith("["):
        return TypeDef("LIST_KIND", optional=optional, element=_core_type(graphql_type_of(graphql_type), of_id))
    if text == "ID":
        return TypeDef("OBJECT_KIND", of_id, optional=optional)
    if text in SCALARS:
        return TypeDef(SCALARS[text], optional=optional)
    return _named(text, optional=optional)


def graphql_type_of(graphql_type: Any) -> Any:
    """Return the type of a list's items."""
    inner = graphql_type
    while not str(inner).startswith("[") or str(inner).endswith("!"):
        inner = inner.of_type
    return inner.of_type


def _named(name: str, *, optional: bool) -> TypeDef:
    from graphql import is_enum_type, is_input_object_type, is_scalar_type  # noqa: PLC0415 - as above

    from slipway_engine.api.schema import schema  # noqa: PLC0415 - as above
    from slipway_engine.api.typedef import EnumMemberTypeDef  # noqa: PLC0415 - beside its only use

    found: Any = schema().type_map[name]
    if is_enum_type(found):
        members = tuple(EnumMemberTypeDef(member, member) for member in found.values)
        return TypeDef("ENUM_KIND", name, optional=optional, members=members)
    kind = "SCALAR_KIND" if is_scalar_type(found) else "INPUT_KIND" if is_input_object_type(found) else "OBJECT_KIND"
    return TypeDef(kind, name, optional=optional)
