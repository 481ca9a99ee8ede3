"""Write the README's tables of functions and settings from the code: `make docs`."""

import ast
import re
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from itertools import pairwise
from pathlib import Path
from typing import Any, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from ci.settings import Environment, Settings
from ci.settings.defaults import DEFAULTS

ROOT = Path(__file__).parents[1]
README = ROOT / "README.md"
PIPELINE = ROOT / "ci/pipeline.py"
FAMILIES = ROOT / "ci/families"
SECTION = re.compile(r"^    # (.+)$")
DECORATORS = {"function", "uncached", "uncached_as"}
RETURNS = {"str": "text"}


@dataclass(frozen=True)
class Function:
    """A function of the module, or the name of a section of them."""

    name: str
    returns: str = ""
    description: str = ""


@dataclass(frozen=True)
class Setting:
    """A setting of `pipeline.toml`: its path, its defaults (of each kind, where it has one), and its meaning."""

    path: str
    defaults: tuple[str, ...]
    meaning: str


def main() -> None:
    """Write the tables between the README's markers."""
    README.write_text(render(README.read_text()))
    sys.stdout.write(f"wrote the tables of {README.name}\n")


def render(text: str) -> str:
    """Return a README's text with the tables between its markers written anew."""
    tables = {"functions": render_functions(), "settings": render_settings()}
    for name, table in tables.items():
        before, start, rest = text.partition(f"<!-- {name} -->\n")
        _, end, after = rest.partition("<!-- end -->")
        if not start or not end:
            raise ValueError(f"README.md: must have the marker <!-- {name} -->, and <!-- end --> below it")
        text = f"{before}{start}\n{table}\n\n{end}{after}"
    return text


def render_functions() -> str:
    """Return the table of functions."""
    rows = ["| function | returns | what it does |", "|---|---|---|"]
    for one in list_functions():
        name, returns = (f"`{one.name}`", f"`{one.returns}`") if one.returns else (f"**{one.name}**", "")
        rows.append(f"| {name} | {RETURNS.get(one.returns, returns)} | {_cell(one.description)} |")
    return "\n".join(rows)


def render_settings() -> str:
    """Return the tables of settings: those of the service, and those of each environment."""
    service = ["| key | default | meaning |", "|---|---|---|"]
    service += [f"| `{one.path}` | {one.defaults[0]} | {_cell(one.meaning)} |" for one in list_service_settings()]
    kinds = list(DEFAULTS)
    head = f"| key in `[environments.NAME]` | {' | '.join(kinds)} | meaning |"
    environment = [head, f"|---|{'---|' * len(kinds)}---|"]
    environment += [
        f"| `{one.path}` | {' | '.join(one.defaults)} | {_cell(one.meaning)} |" for one in list_environment_settings()
    ]
    return "\n".join([*service, "", *environment])


def list_functions() -> list[Function]:
    """List the functions in the order of `ci/pipeline.py`, each family's after its sections' others."""
    families = {name: tree for path in sorted(FAMILIES.glob("*.py")) for name, tree in _classes(path)}
    ((_, root),) = [(name, tree) for name, tree in _classes(PIPELINE) if name == "Ci"]
    sections = [
        (number, match[1])
        for number, line in enumerate(PIPELINE.read_text().splitlines(), 1)
        if number > root.lineno and (match := SECTION.match(line))
    ]
    found: list[tuple[int, Function]] = [(number, Function(name)) for number, name in sections]
    for node, function in _functions(root):
        family = families.get(function.returns.rpartition(".")[2])
        if family is None:
            found.append((node.lineno, function))
            continue
        for _, member in _functions(family):
            name = f"{function.name} {member.name}"
            found.append((node.lineno, Function(name, member.returns, member.description)))
    return [function for _, function in sorted(found, key=lambda one: one[0])]


def list_service_settings() -> list[Setting]:
    """List the settings outside `[environments]`."""
    fields = {name: field for name, field in Settings.model_fields.items() if name != "environments"}
    return [setting for name, field in fields.items() for setting in _settings(Settings, name, field, ())]


def list_environment_settings() -> list[Setting]:
    """List the settings of an environment, with the defaults of every kind."""
    environments = tuple(Environment.model_validate({"kind": kind}) for kind in DEFAULTS)
    return [
        setting
        for name, field in Environment.model_fields.items()
        for setting in _settings(Environment, name, field, environments)
    ]


def _settings(model: type[BaseModel], name: str, field: FieldInfo, values: tuple[Any, ...]) -> Iterator[Setting]:
    """Yield a field's settings; `values` are the models of the kinds that hold the field's default, or nothing."""
    key = field.alias or name
    inner, below = _inner_model(field.annotation)
    if inner is not None:
        holders = tuple(getattr(value, name) for value in values) if values and not below else ()
        count = len(values) or 1
        for part, part_field in inner.model_fields.items():
            for setting in _settings(inner, part, part_field, holders):
                defaults = setting.defaults if holders else (setting.defaults[0],) * count
                yield Setting(f"{key}{below}.{setting.path}", defaults, setting.meaning)
        return
    if field.is_required() and (not values or (model, name) == (Environment, "kind")):
        defaults = ("required",) * (len(values) or 1)
    elif values:
        defaults = tuple(_value(getattr(value, name)) for value in values)
    else:
        defaults = (_value(field.get_default(call_default_factory=True)),)
    yield Setting(key, defaults, describe_fields(model).get(name, ""))


def _inner_model(annotation: object) -> tuple[type[BaseModel] | None, str]:
    """Return the model that a type holds, and how a path names one of several."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation, ""
    arguments = get_args(annotation)
    for container, index, below in ((dict, 1, ".NAME"), (tuple, 0, "[]")):
        inner = arguments[index] if get_origin(annotation) is container else None
        if isinstance(inner, type) and issubclass(inner, BaseModel):
            return inner, below
    return None, ""


@cache
def describe_fields(model: type[BaseModel]) -> Mapping[str, str]:
    """Return the string literal below each field of a model, by the field's name."""
    path = Path(str(import_module(model.__module__).__file__))
    body = next(tree.body for name, tree in _classes(path) if name == model.__name__)
    return {
        field.target.id: below.value.value
        for field, below in pairwise(body)
        if isinstance(field, ast.AnnAssign)
        and isinstance(field.target, ast.Name)
        and isinstance(below, ast.Expr)
        and isinstance(below.value, ast.Constant)
        and isinstance(below.value.value, str)
    }


def _classes(path: Path) -> list[tuple[str, ast.ClassDef]]:
    return [(node.name, node) for node in ast.parse(path.read_text()).body if isinstance(node, ast.ClassDef)]


def _functions(tree: ast.ClassDef) -> Iterator[tuple[ast.FunctionDef | ast.AsyncFunctionDef, Function]]:
    """Yield the methods of a class that people can call."""
    for node in tree.body:
        if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            continue
        decorators = {_name(decorator): decorator for decorator in node.decorator_list}
        if not DECORATORS & set(decorators):
            continue
        renamed = decorators.get("uncached_as")
        name = ast.literal_eval(renamed.args[0]) if isinstance(renamed, ast.Call) else node.name.replace("_", "-")
        returns = ast.unparse(node.returns) if node.returns else ""
        description = (ast.get_docstring(node) or "").partition("\n")[0]
        yield node, Function(name, returns.rpartition(".")[2], description)


def _name(decorator: ast.expr) -> str:
    found = decorator.func if isinstance(decorator, ast.Call) else decorator
    return found.id if isinstance(found, ast.Name) else ""


def _value(value: object) -> str:
    """Write a default as TOML does; empty: the setting is off."""
    match value:
        case bool():
            return f"`{str(value).lower()}`"
        case None | "" | () | {}:
            return ""
        case str():
            return f"`{value}`"
        case int() | float():
            return f"`{value:g}`" if value < 1_000_000 else f"`{value}`"  # noqa: PLR2004 - :g writes 1e+06
        case tuple():
            return ", ".join(f"`{item}`" for item in value)
        case _:
            raise ValueError(f"cannot write {value!r}")


def _cell(text: str) -> str:
    return text.removesuffix(".").replace("|", "\\|")


if __name__ == "__main__":
    main()
