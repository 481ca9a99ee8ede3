"""Conversion of texts from the command line or .env to JSON values, by the argument's type."""

import json
import re
from typing import Any

from slipway_engine.api.context import Context
from slipway_engine.api.module import Module
from slipway_engine.api.query import Query
from slipway_engine.api.typedef import EnumMemberTypeDef, TypeDef
from slipway_engine.errors import UsageError
from slipway_engine.modules.names import snake

# The API's own types that a text can name, by the method of Address that loads them.
ADDRESSES = {
    "Container": "container",
    "Directory": "directory",
    "File": "file",
    "GitRef": "git_ref",
    "GitRepository": "git_repository",
    "Secret": "secret",
    "Service": "service",
    "Socket": "socket",
}
QUOTED = re.compile(r'"(?:[^"]|"")*"(?=,|\Z)')  # a field in quotes, which may hold commas
TRUE = frozenset({"1", "t", "T", "TRUE", "true", "True"})
FALSE = frozenset({"0", "f", "F", "FALSE", "false", "False"})


def is_supported(type_def: TypeDef, module: Module) -> bool:
    """Return whether a text can give a value of this type."""
    match type_def.kind:
        case "LIST_KIND":
            element = type_def.element
            return element is not None and element.kind != "LIST_KIND" and is_supported(element, module)
        case "OBJECT_KIND":
            return type_def.name in ADDRESSES or type_def.name == "CacheVolume"
        case "INPUT_KIND":
            return type_def.name in {"BuildArg", "PortForward"}
    return type_def.kind not in {"INTERFACE_KIND", "VOID_KIND"}


def split(type_def: TypeDef, text: str) -> list[str]:
    """Split a list's text at its commas; a text in quotes may hold some."""
    element = type_def.element
    if element is not None and element.kind in {"OBJECT_KIND", "ENUM_KIND", "SCALAR_KIND"}:
        text = text.translate(str.maketrans("", "", "\"'`"))
    parts = _fields(text) if text else []
    return [part.strip() for part in parts] if element is None or element.kind != "STRING_KIND" else parts


def _fields(text: str) -> list[str]:
    """Split a line of CSV; a field that is not wholly in quotes keeps them, where the official command gives up."""
    fields, rest = [], text
    while True:
        quoted = QUOTED.match(rest)
        field = quoted[0] if quoted else rest.partition(",")[0]
        fields.append(field[1:-1].replace('""', '"') if quoted else field)
        if len(rest) == len(field):
            return fields
        rest = rest[len(field) + 1 :]


def primitive(type_def: TypeDef, text: str, module: Module) -> Any:
    """Return the value of a text for a type that is no object; a ValueError names what would fit."""
    match type_def.kind:
        case "INTEGER_KIND":
            try:
                return int(text, 0)
            except ValueError:
                raise ValueError("must be a whole number") from None
        case "FLOAT_KIND":
            try:
                return float(text)
            except ValueError:
                raise ValueError("must be a number") from None
        case "BOOLEAN_KIND":
            if text in TRUE or text in FALSE:
                return text in TRUE
            raise ValueError("must be true or false")
        case "ENUM_KIND":
            return _member(type_def, text, module)
        case "INPUT_KIND":
            return _input(type_def.name, text)
    return text


async def value(ctx: Context, type_def: TypeDef, text: str, module: Module, ignore: tuple[str, ...] = ()) -> Any:
    """Return the JSON value of a text for any type but a list; objects become IDs."""
    if type_def.kind == "SCALAR_KIND" and type_def.name == "Platform" and text == "current":
        return await _maybe(Query().default_platform(ctx))
    if type_def.kind != "OBJECT_KIND":
        return primitive(type_def, text, module)
    return ctx.engine.values.save(await _object(ctx, type_def.name, text, ignore))


async def _object(ctx: Context, name: str, text: str, ignore: tuple[str, ...]) -> Any:
    if name == "CacheVolume":
        return await _maybe(Query().cache_volume(ctx, key=text))
    if not text:
        raise UsageError(f"the address of a {name} cannot be empty")
    if name == "Secret" and ":" not in text:
        text = f"env:{text}"
    address = await _maybe(Query().address(ctx, value=text))
    load = getattr(address, ADDRESSES[name])
    return await _maybe(load(ctx, exclude=list(ignore)) if name == "Directory" and ignore else load(ctx))


async def _maybe(result: Any) -> Any:
    return await result if hasattr(result, "__await__") else result


def enum_members(type_def: TypeDef, module: Module) -> tuple[EnumMemberTypeDef, ...]:
    """Return an enum's members; a reference to an enum names it only."""
    definition = module.enum(type_def.name)
    return definition.members if definition else type_def.members


def api_name(member: EnumMemberTypeDef) -> str:
    """Return the name of a member as the API and the command line write it."""
    return member.name if member.name.isupper() else snake(member.name).upper()


def _member(type_def: TypeDef, text: str, module: Module) -> str:
    members = enum_members(type_def, module)
    for member in members:
        if text.lower() == api_name(member).lower():
            return member.name
    raise ValueError(f"value should be one of {','.join(sorted(api_name(member) for member in members))}")


def _input(name: str, text: str) -> dict[str, Any]:
    if name == "BuildArg":
        key, found, setting = text.strip('"').partition("=")
        if not found or not key:
            raise ValueError("must be formatted as name=value")
        return {"name": key, "value": setting}
    frontend, found, backend = text.partition(":")
    if not (found and frontend.isdigit() and backend.isdigit()):
        raise ValueError("must be formatted as frontend:backend, two ports")
    return {"frontend": int(frontend), "backend": int(backend)}


def user_default(type_def: TypeDef, text: str) -> Any:
    """Return the JSON value of a text in .env for a type that is no object, as the official engine reads it."""
    match type_def.kind:
        case "STRING_KIND":
            return text
        case "LIST_KIND":
            return text.split(",")
        case "INTEGER_KIND":
            return int(text)
    return json.loads(text)
