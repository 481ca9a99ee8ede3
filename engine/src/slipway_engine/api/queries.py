"""Answers to queries: how the fields of a query find the methods of the API's types.

A field `withExec` of the type `Container` is the method `with_exec` of the class `Container`; arguments that hold IDs
arrive as the values that they name. Methods take the context first: the client, and the engine. A method may return a
plain description of `model/`; the field's type in the schema decides which of the API's types it becomes.
"""

import dataclasses
import functools
import inspect
import logging
import traceback
from typing import Any, cast

from graphql import (
    GraphQLError,
    GraphQLID,
    GraphQLResolveInfo,
    execute,
    get_named_type,
    parse,
    validate,
)

from slipway_engine.api.base import Object
from slipway_engine.api.context import Context
from slipway_engine.api.query import Query
from slipway_engine.api.schema import python_name, schema
from slipway_engine.errors import EngineError
from slipway_engine.model.node import Node

logger = logging.getLogger(__name__)


async def run_query(context: Context, document: str, variables: dict[str, Any] | None = None) -> dict[str, Any]:
    """Answer one GraphQL request in the form of GraphQL over HTTP: `data`, and `errors` where there are some."""
    try:
        parsed = _parse(document)
    except GraphQLError as error:
        return {"errors": [error.formatted]}
    result = execute(
        schema(),
        parsed,
        root_value=Query(),
        context_value=context,
        variable_values=variables,
        field_resolver=_resolve,
    )
    if inspect.isawaitable(result):
        result = await result
    answer: dict[str, Any] = {"data": result.data}
    if result.errors:
        answer["errors"] = [_report(context, error) for error in result.errors]
    return answer


@functools.lru_cache(maxsize=512)
def _parse(document: str) -> Any:
    parsed = parse(document, no_location=True)
    if errors := validate(schema(), parsed):
        raise errors[0]
    return parsed


async def _resolve(source: Any, info: GraphQLResolveInfo[Any], /, **arguments: Any) -> Any:
    context = cast("Context", info.context)
    member = getattr(source, python_name(info.field_name))
    kind = get_named_type(info.return_type).name
    if not callable(member):
        return _typed(kind, member)
    types = info.parent_type.fields[info.field_name].args
    loaded = {
        python_name(name): (_load(context, value) if get_named_type(types[name].type) is GraphQLID else value)
        for name, value in arguments.items()
    }
    result = member(context, **loaded)
    return _typed(kind, await result if inspect.isawaitable(result) else result)


def _load(context: Context, value: str | list[str] | None) -> Any:
    if value is None:
        return None
    if isinstance(value, list):
        return tuple(context.engine.values.load(item) for item in value)
    return context.engine.values.load(value)


def _typed(kind: str, value: Any) -> Any:
    """Return a plain description as the API's type of that name; other values stay as they are."""
    if isinstance(value, list | tuple):
        return [_typed(kind, item) for item in value]
    if not isinstance(value, Node) or isinstance(value, Object):
        return value
    # An interface has no class, but what is found by its ID bears the name of its own.
    cls = Object.kinds.get(kind) or Object.kinds[type(value).__name__]
    return cls(**{field.name: getattr(value, field.name) for field in dataclasses.fields(value)})


def _report(context: Context, error: GraphQLError) -> dict[str, Any]:
    """Return an error as the client reads it: message and command are for people, all else is for programs."""
    cause, secrets = error.original_error or error, context.engine.secrets
    if not isinstance(cause, EngineError | GraphQLError):
        logger.error("a defect of the local engine\n%s", secrets.shown("".join(traceback.format_exception(cause))))
    report: dict[str, Any] = {"message": secrets.shown(message_of(cause)), "path": error.path}
    if extensions := getattr(cause, "extensions", None):
        report["extensions"] = secrets.shown_details(extensions)
    return report


def message_of(error: BaseException) -> str:
    """Return an error's text, with its class where it is not one of ours and thus a defect."""
    return str(error) if isinstance(error, EngineError | GraphQLError) else f"{type(error).__name__}: {error}"
