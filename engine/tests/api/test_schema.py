"""The local engine's schema invents nothing: the official client has all of it, with the same names and types."""

import enum
import inspect
from collections.abc import Iterator
from typing import Any

import pytest
from dagger.client import gen
from graphql import (
    GraphQLArgument,
    GraphQLEnumType,
    GraphQLInputObjectType,
    GraphQLInterfaceType,
    GraphQLList,
    GraphQLNonNull,
    GraphQLObjectType,
    GraphQLType,
    get_named_type,
    value_from_ast_untyped,
)

from slipway_engine.api.call import FunctionCall, FunctionCallArgValue
from slipway_engine.api.query import Query  # noqa: F401 - registers the API's types
from slipway_engine.api.schema import python_name, schema
from slipway_engine.api.service import ContainerService
from slipway_engine.model.node import Node

TYPES = {name: kind for name, kind in schema().type_map.items() if not name.startswith("__")}
OBJECTS = {name: kind for name, kind in TYPES.items() if isinstance(kind, GraphQLObjectType)}

# How the client writes each scalar in its annotations; an ID is the class of what it names.
SCALARS = {"String": "str", "Int": "int", "Boolean": "bool"}

# By `node` the client finds a value again: it is in its core, not among the generated methods.
IN_THE_CORE = {("Query", "node"), ("Query", "id")}

# Not found by their names: the first is one of several kinds, the others live only while a function is called.
OTHER_CLASSES: dict[str, type] = {
    "Service": ContainerService,
    "FunctionCall": FunctionCall,
    "FunctionCallArgValue": FunctionCallArgValue,
}


def fields(type_name: str) -> Iterator[tuple[str, Any, Any]]:
    for field, definition in OBJECTS[type_name].fields.items():
        if (type_name, field) not in IN_THE_CORE:
            method = getattr(getattr(gen, type_name), python_name(field), None)
            assert method is not None, f"{type_name}.{field} is no field of the official API"
            yield field, definition, inspect.signature(inspect.unwrap(method))


@pytest.mark.parametrize("type_name", OBJECTS)
def test_fields_return_what_the_client_expects(type_name: str) -> None:
    for field, definition, signature in fields(type_name):
        if field not in {"sync", "start", "stop"}:  # the client turns the ID that it gets into the object itself
            returned = str(signature.return_annotation)
            assert matches(definition.type, returned) or "Self" in returned, f"{type_name}.{field}: {returned}"


@pytest.mark.parametrize("type_name", OBJECTS)
def test_arguments_are_the_clients(type_name: str) -> None:
    for field, definition, signature in fields(type_name):
        for name, argument in definition.args.items():
            where = f"{type_name}.{field}({name})"
            parameter = signature.parameters.get(python_name(name))
            assert parameter is not None, f"{where} is no argument of the official API"
            assert matches(argument.type, str(parameter.annotation)), f"{where}: {parameter.annotation}"
            assert parameter.default == default_of(argument), f"{where}: the default is {parameter.default!r}"


@pytest.mark.parametrize("type_name", OBJECTS)
def test_a_method_answers_every_field(type_name: str) -> None:
    kind = OTHER_CLASSES.get(type_name) or Node.types[type_name]
    for field in OBJECTS[type_name].fields:
        name = python_name(field)
        assert hasattr(kind, name) or name in getattr(kind, "__dataclass_fields__", {}), (
            f"{type_name}.{field} has no method"
        )


def test_enums_inputs_and_interfaces_are_the_clients() -> None:
    for name, kind in TYPES.items():
        official = getattr(gen, name, None)
        if isinstance(kind, GraphQLEnumType):
            assert set(kind.values) <= set(official.__members__), name  # type: ignore[union-attr] # fails if missing
        if isinstance(kind, GraphQLInputObjectType):
            assert set(map(python_name, kind.fields)) <= set(inspect.signature(official).parameters), name  # type: ignore[arg-type] # the same
        if isinstance(kind, GraphQLInterfaceType):
            assert official is not None, name


def default_of(argument: GraphQLArgument) -> Any:
    """Return an argument's default as the client writes it: an enum's member, and None where there is none."""
    written = argument.ast_node.default_value if argument.ast_node else None
    if written is None:
        return inspect.Parameter.empty if isinstance(argument.type, GraphQLNonNull) else None
    value = value_from_ast_untyped(written)
    named = get_named_type(argument.type)
    if isinstance(named, GraphQLEnumType):
        members: type[enum.Enum] = getattr(gen, named.name)
        return members[value]
    return None if value == [] else value


def matches(kind: GraphQLType, annotation: str) -> bool:
    """Return whether a GraphQL type is what an annotation of the client says."""
    if isinstance(kind, GraphQLNonNull):
        kind = kind.of_type
    if isinstance(kind, GraphQLList):
        return "list[" in annotation
    named = get_named_type(kind).name
    if named == "ID":
        return any(f"'{name}'" in annotation or name in annotation for name in (*OBJECTS, "Self", "str"))
    return SCALARS.get(named, named) in annotation
