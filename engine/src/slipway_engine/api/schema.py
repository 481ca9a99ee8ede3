"""The schema that the engine serves, and the names of its fields in Python."""

import functools
import json
import keyword
import re
from importlib.resources import files
from typing import Any, cast

from graphql import GraphQLSchema, build_schema


@functools.cache
def schema() -> GraphQLSchema:
    """Build the schema that schema.graphql describes."""
    built = build_schema(files("slipway_engine.api").joinpath("schema.graphql").read_text(), assume_valid=True)
    node = cast("Any", built.type_map["Node"])
    node.resolve_type = lambda value, *_: value.graphql_type or type(value).__name__
    return built


@functools.cache
def introspection() -> str:
    """Return the answer to the introspection query that every client sends first, as JSON text."""
    from graphql import introspection_from_schema  # noqa: PLC0415 - needed once a process, if at all

    return json.dumps({"data": introspection_from_schema(schema(), input_value_deprecation=True)})


@functools.cache
def python_name(name: str) -> str:
    """Return the Python name of a GraphQL name: `withExec` is `with_exec`, `from` is `from_`."""
    snake = re.sub(r"(?<=[a-z0-9])([A-Z])", lambda m: "_" + m[1].lower(), name)
    return snake + "_" if keyword.iskeyword(snake) else snake
