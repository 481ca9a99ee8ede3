"""The schema, and how a query's fields find their way to the methods of the API's types.

A field `withExec` of the type `Container` is the method `with_exec` of the class `Container`; arguments that hold IDs
arrive as the values that they name. Methods take the context first: who calls, and the engine.
"""

import functools
import inspect
import json
import keyword
import re
from importlib.resources import files
from typing import TYPE_CHECKING, Any, cast

from graphql import (
    GraphQLError,
    GraphQLID,
    GraphQLResolveInfo,
    GraphQLSchema,
    build_schema,
    execute,
    get_named_type,
    parse,
    validate,
)

from slipway_engine.errors import EngineError

if TYPE_CHECKING:
    from slipway_engine.context import Context


@functools.cache
def schema() -> GraphQLSchema:
    """Build the schema that schema.graphql describes."""
    built = build_schema(files("slipway_engine").joinpath("schema.graphql").read_text(), assume_valid=True)
    node = cast("Any", built.type_map["Node"])
    node.resolve_type = lambda value, *_: value.graphql_type or type(value).__name__
    return built


async def run_query(context: "Context", document: str, variables: dict[str, Any] | None = None) -> dict[str, Any]:
    """Answer one GraphQL request as GraphQL over HTTP wants it: `data`, and `errors` where there are some."""
    try:
        parsed = _parse(document)
    except GraphQLError as error:
        return {"errors": [error.formatted]}
    result = execute(
        schema(),
        parsed,
        root_value=context.root,
        context_value=context,
        variable_values=variables,
        field_resolver=_resolve,
    )
    if inspect.isawaitable(result):
        result = await result
    answer: dict[str, Any] = {"data": result.data}
    if result.errors:
        answer["errors"] = [context.report(error) for error in result.errors]
    return answer


@functools.lru_cache(maxsize=512)
def _parse(document: str) -> Any:
    parsed = parse(document, no_location=True)
    if errors := validate(schema(), parsed):
        raise errors[0]
    return parsed


@functools.cache
def introspection() -> str:
    """Return the answer to the introspection query that every client sends first, as JSON text."""
    from graphql import introspection_from_schema  # noqa: PLC0415 - needed once a process, if at all

    return json.dumps({"data": introspection_from_schema(schema(), input_value_deprecation=True)})


async def _resolve(source: Any, info: GraphQLResolveInfo[Any], /, **arguments: Any) -> Any:
    context = cast("Context", info.context)
    member = getattr(source, python_name(info.field_name))
    if not callable(member):
        return member
    types = info.parent_type.fields[info.field_name].args
    loaded = {
        python_name(name): (await _load(context, value) if get_named_type(types[name].type) is GraphQLID else value)
        for name, value in arguments.items()
    }
    result = member(context, **loaded)
    return await result if inspect.isawaitable(result) else result


async def _load(context: "Context", value: str | list[str] | None) -> Any:
    if value is None:
        return None
    if isinstance(value, list):
        return tuple(context.engine.load(item) for item in value)
    return context.engine.load(value)


@functools.cache
def python_name(name: str) -> str:
    """Return the Python name of a GraphQL name: `withExec` is `with_exec`, `from` is `from_`."""
    snake = re.sub(r"(?<=[a-z0-9])([A-Z])", lambda m: "_" + m[1].lower(), name)
    return snake + "_" if keyword.iskeyword(snake) else snake


@functools.cache
def graphql_name(name: str) -> str:
    """Return the GraphQL name of a Python name: the reverse of python_name."""
    head, *tail = name.rstrip("_").split("_")
    return head + "".join(part.capitalize() for part in tail)


def message_of(error: BaseException) -> str:
    """Return an error's text, with its class where it is not one of ours and thus a defect."""
    return str(error) if isinstance(error, EngineError | GraphQLError) else f"{type(error).__name__}: {error}"
