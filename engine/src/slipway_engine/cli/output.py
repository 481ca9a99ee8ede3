"""The result of a chain as `dagger call` prints it."""

import json
import sys
from collections.abc import Sequence
from typing import Any

from slipway_engine.api.module import Module
from slipway_engine.api.typedef import TypeDef
from slipway_engine.cli.parser import Chain, Step
from slipway_engine.cli.providers import provider_of
from slipway_engine.engine import Engine
from slipway_engine.errors import EngineError
from slipway_engine.model.node import digest_of
from slipway_engine.modules.names import camel
from slipway_engine.modules.values import api_name, enum_members

EXPORTABLE = frozenset({"Changeset", "Container", "Directory", "File"})


def exports(type_def: TypeDef, module: Module) -> bool:
    """Return whether `--output` exports a value of this type instead of writing what would be printed."""
    return type_def.kind == "OBJECT_KIND" and type_def.name in EXPORTABLE and module.object(type_def.name) is None


def show(engine: Engine, module: Module, chain: Chain, result: Any) -> None:
    """Print a chain's result on the standard output, and into the file that `--output` names."""
    type_def, output = chain.result_type, chain.output
    if type_def.kind == "VOID_KIND":
        return
    if output and exports(type_def, module):
        _print(f'Saved to "{result}".')
        return
    printed = text(engine, module, chain, result)
    if output:
        path = (engine.workdir / output).absolute()
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(printed)
        except OSError as error:
            raise EngineError(f"--output: {path}: {error.strerror}") from error
        _print(f'Saved output to "{path}".')
    sys.stdout.write(printed)
    if sys.stdout.isatty() and printed and not printed.endswith("\n"):
        sys.stdout.write("\n")
    sys.stdout.flush()


def _print(message: str) -> None:
    print(message, file=sys.stderr, flush=True)  # noqa: T201 - the command's own output


def text(engine: Engine, module: Module, chain: Chain, result: Any) -> str:
    """Return what is printed of a chain's result."""
    type_def = chain.result_type
    if chain.json:
        shaped = _shape(chain.steps, _plain(engine, module, type_def, result))
        return json.dumps(shaped, indent=4, ensure_ascii=False) + "\n"
    if provider_of(module, type_def):
        return _names(engine, module, type_def, result)
    return _lines(_plain(engine, module, type_def, result))


def _shape(steps: Sequence[Step], value: Any, names: Sequence[str] = ()) -> Any:
    """Return the results of the steps after a list under the steps' names, as the API answers."""
    for index, step in enumerate(steps[:-1]):
        names = (*names, camel(step.function.name)) if names else ()
        if step.function.return_type.kind == "LIST_KIND" and isinstance(value, list):
            return _nest(names, [_shape(steps[index + 1 :], item, ("",)) for item in value])
    last = (*names, camel(steps[-1].function.name)) if names else ()
    return _nest(last, value)


def _nest(names: Sequence[str], value: Any) -> Any:
    for name in reversed(names[1:]):
        value = {name: value}
    return value


def _lines(value: Any) -> str:
    match value:
        case list():
            return "".join(_lines(item) + "\n" for item in value)
        case bool():
            return str(value).lower()
        case None:
            return ""
    return str(value)


def _names(engine: Engine, module: Module, type_def: TypeDef, value: Any) -> str:
    """Name objects by their type and digest, as `dagger call` does."""
    if type_def.kind == "LIST_KIND" and type_def.element is not None:
        return "".join("- " + _names(engine, module, type_def.element, item) for item in value or [])
    return f"{_name(engine, module, type_def, value)}\n"


def _name(engine: Engine, module: Module, type_def: TypeDef, value: Any) -> str:
    provider = provider_of(module, type_def)
    title = provider.title if provider else type_def.name
    if module.object(type_def.name) is not None:
        return f"{title}@sha256:{digest_of(value)}"
    node = engine.values.load(value)
    return f"{type(node).__name__}@sha256:{node.identity}"


def _plain(engine: Engine, module: Module, type_def: TypeDef, value: Any) -> Any:
    """Return a value as JSON for people: an object as its fields, one of the API's own as its name."""
    if value is None:
        return None
    if type_def.kind == "LIST_KIND" and type_def.element is not None:
        return [_plain(engine, module, type_def.element, item) for item in value]
    if type_def.kind == "ENUM_KIND":
        members = {member.name: api_name(member) for member in enum_members(type_def, module)}
        return members.get(value, value)
    if type_def.kind not in {"OBJECT_KIND", "INTERFACE_KIND"}:
        return value
    definition = module.object(type_def.name)
    if definition is None or not isinstance(value, dict):
        return _name(engine, module, type_def, value)
    return {field.name: _plain(engine, module, field.type_def, value.get(field.name)) for field in definition.fields}
