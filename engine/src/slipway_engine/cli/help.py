"""Help texts, rendered from docstrings and annotations."""

import json
import shutil
import sys
import textwrap
from collections.abc import Iterable

from slipway_engine.api.module import Module
from slipway_engine.api.typedef import Function, FunctionArg, TypeDef
from slipway_engine.cli import options
from slipway_engine.cli.parser import Step
from slipway_engine.cli.providers import Provider, provider_of
from slipway_engine.modules.names import kebab
from slipway_engine.modules.values import api_name, enum_members, is_supported

NAMES = {"STRING_KIND": "string", "INTEGER_KIND": "int", "FLOAT_KIND": "float", "BOOLEAN_KIND": ""}
LISTS = {"STRING_KIND": "strings", "INTEGER_KIND": "ints", "FLOAT_KIND": "floats", "BOOLEAN_KIND": "bools"}
CALL = """\
  -j, --json              Present result as JSON
  -o, --output string     Save the result to a local file or directory"""


def bold(text: str) -> str:
    """Return a heading, in bold on a terminal."""
    return f"\033[1m{text}\033[0m" if sys.stdout.isatty() else text


def step_help(step: Step, module: Module, defaults: Iterable[tuple[str, str]] = ()) -> str:
    """Return the help of a function: what it does, what can follow, and its arguments."""
    first = not step.function.name
    description = (module.description if first else "") or step.function.description
    provider = provider_of(module, step.function.return_type)
    functions = sorted(provider.functions, key=lambda f: kebab(f.name)) if provider else []
    args = [arg for arg in step.function.args if is_supported(arg.type_def, module)]
    usage = [step.path, "[options]" if first else "", "[arguments]" if args else "", "<function>" if functions else ""]
    parts = [description, f"{bold('USAGE')}\n  {' '.join(word for word in usage if word)}"]
    if functions:
        parts.append(f"{bold('FUNCTIONS')}\n{_table([(kebab(f.name), short(f, provider)) for f in functions])}")
    if args:
        known = dict(defaults)
        ordered = sorted(args, key=lambda arg: (not arg.required or arg.name in known, kebab(arg.name)))
        rows = [_flag(arg, module, known.get(arg.name)) for arg in ordered]
        parts.append(f"{bold('ARGUMENTS')}\n{_table(rows)}")
    parts.append(f"{bold('OPTIONS')}\n{CALL}\n{options.HELP}")
    if functions:
        parts.append(f'Use "{step.path} [function] --help" for more information about a function.')
    return "\n\n".join(part for part in parts if part) + "\n"


def function_table(functions: Iterable[Function], provider: Provider | None) -> str:
    """Return the list of functions as `dagger functions` prints it."""
    rows = sorted((kebab(function.name), short(function, provider)) for function in functions)
    width = max((len(name) for name, _ in rows), default=0)
    head = f"{bold('Name')}{' ' * (max(width, 4) - 4)}   {bold('Description')}"
    return "\n".join([head, *(f"{name:{max(width, 4)}}   {text}" for name, text in rows)]) + "\n"


def short(function: Function, provider: Provider | None) -> str:
    """Return the first line of what a function does."""
    description = function.description
    if not description and provider is not None and provider.core:
        from slipway_engine.cli.coredocs import describe  # noqa: PLC0415 - imports the whole client

        description = describe(provider.name, function.name)
    return description.partition("\n")[0] or "-"


def type_name(type_def: TypeDef, module: Module) -> str:
    """Return a type as help texts show it."""
    if type_def.kind == "LIST_KIND" and type_def.element is not None:
        return LISTS.get(type_def.element.kind) or f"[]{type_name(type_def.element, module)}"
    if type_def.kind == "ENUM_KIND":
        return ",".join(sorted(api_name(member) for member in enum_members(type_def, module)))
    return NAMES.get(type_def.kind, type_def.name)


def _flag(arg: FunctionArg, module: Module, user_default: str | None) -> tuple[str, str]:
    notes = " ".join(arg.description.split())
    default = _default(arg, user_default)
    if default:
        notes += f" (default {default})"
    elif arg.required:
        notes += " [required]"
    if arg.deprecated is not None:
        notes += f" (DEPRECATED: {arg.deprecated})"
    return f"    --{kebab(arg.name)} {type_name(arg.type_def, module)}".rstrip(), notes.strip()


def _default(arg: FunctionArg, user_default: str | None) -> str:
    if user_default is not None:
        plain_secret = arg.type_def.name == "Secret" and ":" not in user_default
        user_default = "*****" if plain_secret else user_default
        return f"{json.dumps(user_default)}, from .env"
    if arg.default_path or arg.default_address:
        return json.dumps(arg.default_path or arg.default_address)
    if arg.default_value in {None, "null", '""', "[]", "false"}:
        return ""
    return arg.default_value or ""


def _table(rows: list[tuple[str, str]]) -> str:
    pad = max(len(name) for name, _ in rows)
    width = max(shutil.get_terminal_size((100, 24)).columns - pad - 6, 30)
    lines = []
    for name, text in rows:
        first, *more = textwrap.wrap(text, width) or [""]
        lines += [f"  {name:{pad}}   {first}".rstrip(), *(f"{'':{pad + 5}}{line}" for line in more)]
    return "\n".join(lines)
