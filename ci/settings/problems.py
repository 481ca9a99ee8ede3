"""What is wrong with the settings, in sentences: where, what is allowed, and what stands there."""

import difflib
import typing
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

FILE = "pipeline.toml"

ALLOWED = {
    "greater_than_equal": "must be at least {ge}",
    "greater_than": "must be more than {gt}",
    "less_than_equal": "must be at most {le}",
    "less_than": "must be less than {lt}",
    "literal_error": "must be {expected}",
    "int_type": "must be a whole number",
    "int_parsing": "must be a whole number",
    "int_from_float": "must be a whole number",
    "float_type": "must be a number",
    "float_parsing": "must be a number",
    "string_type": "must be a string",
    "tuple_type": "must be a list",
    "dict_type": "must be a table",
    "model_type": "must be a table",
    "model_attributes_type": "must be a table",
    "bool_type": "must be true or false",
}
# Where a setting takes either of two kinds of value, the checker adds the kind it tried to the path.
BRANCHES = ("tuple[", "literal[", "function-")


class SettingsError(Exception):
    """The settings are wrong; `problems` are sentences, one for each thing to mend."""

    def __init__(self, problems: Sequence[str]) -> None:
        """Keep the problems and make the message of them."""
        super().__init__("\n".join(problems))
        self.problems = tuple(problems)


def explain(error: ValidationError, model: type[BaseModel], overridden: Sequence[tuple[str, ...]]) -> list[str]:
    """Say in a sentence each what is wrong; problems of one place with several allowed kinds become one."""
    sentences: dict[str, list[tuple[str, str]]] = {}
    for detail in error.errors():
        path = tuple(str(part) for part in detail["loc"] if not str(part).startswith(BRANCHES) and part != "[key]")
        source = "override" if any(path[: len(known)] == known for known in overridden) else FILE
        where = f"{source}: {'.'.join(path)}".removesuffix(": ")
        sentences.setdefault(where, []).append(_sentence(detail, path, model))
    return [
        f"{where}: {' or '.join(dict.fromkeys(what for what, _ in found))}{found[0][1]}"
        for where, found in sentences.items()
    ]


def nearest(name: str, known: Iterable[str]) -> str:
    """Suggest the known name that a misspelt one is nearest to, if any is near."""
    near = difflib.get_close_matches(name, list(known), 1, cutoff=0.5)
    return f" (did you mean {near[0]}?)" if near else ""


def _sentence(detail: ErrorDetails, path: tuple[str, ...], model: type[BaseModel]) -> tuple[str, str]:
    kind, context = detail["type"], detail.get("ctx", {})
    if kind == "missing":
        return "must be set", ""
    if kind == "extra_forbidden":
        known = _keys_at(model, path[:-1])
        return f"unknown key{nearest(path[-1], known)}; known are {', '.join(known)}", ""
    what = ALLOWED.get(kind, "").format_map(context) or str(context.get("error") or detail["msg"])
    return what, _shown(detail["input"])


def _shown(value: object) -> str:
    if isinstance(value, Mapping):
        return ""
    return f" (is {value})" if not isinstance(value, str) or value else " (is empty)"


def _keys_at(model: type[BaseModel], path: tuple[str, ...]) -> list[str]:
    found: Any = model
    for part in path:
        if isinstance(found, type) and issubclass(found, BaseModel):
            found = found.model_fields[part].annotation
        else:
            found = typing.get_args(found)[1]
    return list(found.model_fields)
