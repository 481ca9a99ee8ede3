"""The schema that the engine serves, and the names of its fields in Python."""

import functools
import json
import keyword
import re
from importlib.resources import files
from typing import Any, cast

import graphql
from graphql import GraphQLSchema, build_schema

from slipway_engine.model.node import digest_of
from slipway_engine.store.database import Store


@functools.cache
def schema() -> GraphQLSchema:
    """Build the schema that schema.graphql describes."""
    built = build_schema(_text(), assume_valid=True)
    node = cast("Any", built.type_map["Node"])
    node.resolve_type = lambda value, *_: value.graphql_type or type(value).__name__
    return built


def introspection(store: Store) -> str:
    """Return the answer to the introspection query that every client sends first, as JSON text."""
    # To make it takes a tenth of a second, and every command would wait for that.
    key = digest_of([_text(), graphql.__version__])
    if (known := store.get_json("introspection", key)) is None:
        from graphql import introspection_from_schema  # noqa: PLC0415 - needed once a version of the schema

        known = json.dumps({"data": introspection_from_schema(schema(), input_value_deprecation=True)})
        store.put_json("introspection", key, known)
    return str(known)


@functools.cache
def _text() -> str:
    return files("slipway_engine.api").joinpath("schema.graphql").read_text()


@functools.cache
def python_name(name: str) -> str:
    """Return the Python name of a GraphQL name: `withExec` is `with_exec`, `from` is `from_`."""
    snake = re.sub(r"(?<=[a-z0-9])([A-Z])", lambda m: "_" + m[1].lower(), name)
    return snake + "_" if keyword.iskeyword(snake) else snake
