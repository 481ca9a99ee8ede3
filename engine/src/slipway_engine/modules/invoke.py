"""Calling a function: its arguments completed, its result taken from the cache or made by a process."""

import asyncio
import contextlib
import json
import time
from typing import Any

from slipway_engine.api.context import Call
from slipway_engine.api.typedef import Function, FunctionArg, TypeDef
from slipway_engine.errors import EngineError, UsageError
from slipway_engine.model.go_durations import WEEK, seconds
from slipway_engine.model.node import digest_of
from slipway_engine.model.secret import Secret
from slipway_engine.modules.names import kebab
from slipway_engine.modules.references import nodes
from slipway_engine.modules.session import Session
from slipway_engine.modules.values import ADDRESSES, split, user_default, value
from slipway_engine.store.values import is_persistable

KIND = "function"  # of the facts in the store


async def invoke(session: Session, owner: TypeDef, function: Function, state: Any, given: dict[str, Any]) -> Any:
    """Call an object's function (a constructor has no name) and return its result as JSON."""
    title = f"{owner.name}.{function.name}" if function.name else f"{owner.name}()"
    with session.engine.events.span(title) as span:
        arguments = await complete(session, owner, function, given)
        path = (owner.name, function.name)
        key = await _key(session, path, state, arguments)
        # The same call asked for twice at once is made once, unless it must be made each time.
        asked = time.monotonic()
        async with contextlib.nullcontext() if function.cache_policy == "Never" else session.locks[key]:
            session.engine.events.record_wait(session.spans.get(key), asked)
            if (known := _cached_result(session, function, key)) is not None:
                span.status = "cached"
                return known["value"]
            session.spans[key] = span
            values = tuple((name, json.dumps(value)) for name, value in arguments.items())
            call = Call(span, session.called_module, owner.name, function.name, json.dumps(state), values)
            result = await session.run(call)
            if function.cache_policy != "Never" and call.repeatable:
                _keep(session, function, key, result)
    return result


async def complete(session: Session, owner: TypeDef, function: Function, given: dict[str, Any]) -> dict[str, Any]:
    """Return the arguments with the defaults of .env, of the context and of the function for those not given."""

    async def one(arg: FunctionArg) -> tuple[str, Any, bool]:
        if arg.name in given:
            return arg.name, given[arg.name], True
        text = session.defaults.get(owner.name, function.name, arg.name)
        if text is not None:
            return arg.name, await _user_default(session, owner, function, arg, text), True
        if arg.default_path or arg.default_address:
            return arg.name, await _contextual(session, function, arg), True
        # A default of the function's own stays its own: the SDK fills it in.
        return arg.name, None, False

    values = await asyncio.gather(*(one(arg) for arg in function.args))
    if missing := [
        arg.name for arg, (_, _, found) in zip(function.args, values, strict=True) if arg.required and not found
    ]:
        flags = ", ".join(f"--{kebab(name)}" for name in missing)
        raise UsageError(f"{owner.name}.{function.name or 'constructor'}: required argument not given: {flags}")
    return {name: found for name, found, known in values if known}


async def _user_default(session: Session, owner: TypeDef, function: Function, arg: FunctionArg, text: str) -> Any:
    where = f".env: {owner.name}{'.' + function.name if function.name else ''}({arg.name}=…)"
    try:
        return await _from_text(session, arg, text)
    except ValueError as error:
        raise UsageError(f"{where}: {text!r} does not fit its type: {error}") from error
    except EngineError as error:
        raise UsageError(f"{where}: {error}") from error


async def _from_text(session: Session, arg: FunctionArg, text: str) -> Any:
    kind, element = arg.type_def.kind, arg.type_def.element
    if kind == "OBJECT_KIND":
        return await value(session.context, arg.type_def, text, session.module, arg.ignore)
    if kind == "LIST_KIND" and element is not None and element.kind == "OBJECT_KIND":
        parts = split(arg.type_def, text)
        return [await value(session.context, element, part, session.module) for part in parts]
    return user_default(arg.type_def, text)


async def _contextual(session: Session, function: Function, arg: FunctionArg) -> Any:
    where = f"{function.name or 'constructor'}({arg.name}=…)"
    if arg.default_address:
        return await value(session.context, arg.type_def, arg.default_address, session.module)
    if arg.type_def.name not in ADDRESSES or arg.type_def.name in {"Secret", "Socket", "Service", "Container"}:
        raise UsageError(f"{where}: a default path cannot give a {arg.type_def.name}")
    source = session.source
    base = source.context if arg.default_path.startswith("/") else source.root
    path = (base / arg.default_path.lstrip("/")).resolve()
    if not path.is_relative_to(source.context.resolve()):
        raise UsageError(f"{where}: the default path {arg.default_path!r} lies outside of {source.context}")
    if not path.exists():
        raise UsageError(f"{where}: the default path {arg.default_path!r} is not there: {path}")
    return await value(session.context, arg.type_def, str(path), session.module, arg.ignore)


async def _key(session: Session, path: tuple[str, str], state: Any, arguments: dict[str, Any]) -> str:
    engine = session.engine
    known = {identifier: node for identifier, node in nodes(engine.values, [state, arguments]).items() if node}
    for node in known.values():
        if isinstance(node, Secret):
            # An ID names a secret, not its value; one that cannot be had fails where it is used.
            with contextlib.suppress(EngineError):
                await engine.secrets.value(node)
    contents = {identifier: engine.keys.of(node) for identifier, node in known.items()}
    return digest_of([session.digest, path, state, arguments, contents])


def _cached_result(session: Session, function: Function, key: str) -> dict[str, Any] | None:
    if function.cache_policy == "Never":
        return None
    if key in session.results:
        return session.results[key]
    known: dict[str, Any] | None = session.engine.store.get_json(KIND, key)
    # What was pruned since cannot be used any more.
    return known if known and all(nodes(session.engine.values, known["value"]).values()) else None


def _keep(session: Session, function: Function, key: str, result: Any) -> None:
    engine, kept = session.engine, {"value": result}
    session.results[key] = kept
    found = nodes(engine.values, result).values()
    lasting = all(node and is_persistable(node) and engine.uploads.lasts(node) for node in found)
    if function.cache_policy == "Default" and lasting:
        engine.store.put_json(KIND, key, kept, seconds(function.time_to_live) if function.time_to_live else WEEK)
