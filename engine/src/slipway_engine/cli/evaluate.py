"""Evaluation of a chain: the module's functions one by one, the API's own as one query."""

import asyncio
from collections.abc import Sequence
from typing import Any

from slipway_engine.api.typedef import FunctionArg, TypeDef
from slipway_engine.cli.parser import Chain, ChainError, Step
from slipway_engine.cli.query import Query
from slipway_engine.errors import EngineError
from slipway_engine.modules.invoke import invoke
from slipway_engine.modules.names import kebab
from slipway_engine.modules.session import Session
from slipway_engine.modules.values import split, value


async def evaluate(session: Session, chain: Chain, export_to: str = "") -> Any:
    """Return the JSON value of a chain's last function, exported to the host if `export_to` is a path."""
    _require(session, chain.steps)
    own = [step for step in chain.steps if not step.owner.core]
    core = chain.steps[len(own) :]
    given = await asyncio.gather(*(_arguments(session, step) for step in chain.steps))
    result: Any = None
    for step, arguments in zip(own, given, strict=False):
        result = await _each(result, lambda state, s=step, a=arguments: _own(session, s, state, a))
    last = chain.last.function.return_type
    if core or _api_type(session, last):
        query = Query(_element(own[-1].function.return_type).name)
        for step, arguments in zip(core, given[len(own) :], strict=True):
            # An object that a chain ends at is evaluated anyway; and `sync` itself gives its ID, not the object.
            if step.function.name != "sync":
                query.select(step.owner.name, step.function.name, arguments)
        if _api_type(session, last):
            query.leaf(last, export_to)
        return await _each(result, lambda node: query.run(session.context, node))
    return result


def _require(session: Session, steps: Sequence[Step]) -> None:
    for step in steps:
        missing = [kebab(arg.name) for arg in step.function.args if _missing(session, step, arg)]
        if missing:
            names = '", "'.join(missing)
            raise ChainError(f'required flag(s) "{names}" not set', step.path)


def _missing(session: Session, step: Step, arg: FunctionArg) -> bool:
    if not arg.required or arg.name in step.texts:
        return False
    return step.owner.core or session.defaults.get(step.owner.name, step.function.name, arg.name) is None


async def _each(result: Any, then: Any) -> Any:
    if isinstance(result, list):
        return list(await asyncio.gather(*(_each(item, then) for item in result)))
    return await then(result)


async def _own(session: Session, step: Step, state: Any, arguments: dict[str, Any]) -> Any:
    if step.owner.is_field(step.function):
        return None if state is None else state.get(step.function.name)
    if state is None and step.function.name:
        raise EngineError(f"{step.path}: there is nothing to call it on: the function before it returned nothing")
    assert step.owner.definition is not None  # noqa: S101 - the API's own types do not come here
    return await invoke(session, step.owner.definition, step.function, state, arguments)


async def _arguments(session: Session, step: Step) -> dict[str, Any]:
    typed = {arg.name: arg for arg in step.function.args}
    names = list(step.texts)
    values = await asyncio.gather(*(_value(session, typed[name], step.texts[name]) for name in names))
    return dict(zip(names, values, strict=True))


async def _value(session: Session, arg: FunctionArg, texts: list[str]) -> Any:
    element = arg.type_def.element
    try:
        if arg.type_def.kind != "LIST_KIND" or element is None:
            return await value(session.context, arg.type_def, texts[-1], session.module, arg.ignore)
        parts = [part for text in texts for part in split(arg.type_def, text)]
        return list(await asyncio.gather(*(value(session.context, element, part, session.module) for part in parts)))
    except EngineError as error:
        error.args = (f"--{kebab(arg.name)}: {error}",)
        raise


def _api_type(session: Session, type_def: TypeDef) -> bool:
    element = _element(type_def)
    return element.kind == "OBJECT_KIND" and session.module.object(element.name) is None


def _element(type_def: TypeDef) -> TypeDef:
    while type_def.kind == "LIST_KIND" and type_def.element is not None:
        type_def = type_def.element
    return type_def
