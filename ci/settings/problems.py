"""Problems of the settings as sentences: where, what is allowed, and the present value."""

import difflib
import typing
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from ci.escaping import for_terminal
from ci.settings.freeze_windows import MOMENT

FILE = "pipeline.toml"

ALLOWED = {
    "greater_than_equal": "must be at least {ge:g}",
    "greater_than": "must be more than {gt:g}",
    "less_than_equal": "must be at most {le:g}",
    "less_than": "must be less than {lt:g}",
    "literal_error": "must be {expected}",
    "finite_number": "must be a finite number",
    "int_type": "must be a whole number",
    "int_parsing": "must be a whole number",
    "int_parsing_size": "must be a smaller number",
    "int_from_float": "must be a whole number",
    "float_type": "must be a number",
    "float_parsing": "must be a number",
    "string_type": "must be a string",
    "string_too_short": "must hold something",
    "too_short": "must hold something",
    "datetime_type": MOMENT,
    "datetime_parsing": MOMENT,
    "datetime_from_date_parsing": MOMENT,
    "tuple_type": "must be a list",
    "dict_type": "must be a table",
    "model_type": "must be a table",
    "model_attributes_type": "must be a table",
    "bool_type": "must be true or false",
    "bool_parsing": "must be true or false",
}
# Where a setting takes one of two types, pydantic adds the type that it tried to the path.
BRANCHES = ("tuple[", "literal[", "function-")
# Old names of settings, and the names that replace them.
RENAMED = {"tell": "notify", "proof": "tests", "release": "signing"}
# Settings that are gone, and what to do instead.
REMOVED = {
    ("app", "health_command"): (
        "is gone: the pipeline and the edge ask app.health_path over the network, and start nothing in the container. "
        "Remove this line; a check that lets Swarm restart replicas is app.liveness_command"
    ),
}


class SettingsError(Exception):
    """The settings are wrong; `problems` are sentences, one for each problem."""

    def __init__(self, problems: Sequence[str]) -> None:
        """Keep the problems and make the message of them."""
        super().__init__(for_terminal("\n".join(problems)))
        self.problems = tuple(problems)


def explain_errors(error: ValidationError, model: type[BaseModel], overridden: Sequence[tuple[str, ...]]) -> list[str]:
    """Write a sentence for each problem; several allowed types of one setting make one problem."""
    sentences: dict[str, list[tuple[str, str]]] = {}
    for detail in error.errors():
        path = tuple(str(part) for part in detail["loc"] if not str(part).startswith(BRANCHES) and part != "[key]")
        where = f"{_source(path, overridden)}: {'.'.join(path)}".removesuffix(": ")
        sentences.setdefault(where, []).append(_sentence(detail, path, model))
    return [
        f"{where}: {' or '.join(dict.fromkeys(what for what, _ in found))}{found[0][1]}"
        for where, found in sentences.items()
    ]


def locate_problems(problems: Iterable[tuple[str, str]], overridden: Sequence[tuple[str, ...]]) -> list[str]:
    """Write problems, each a path and what is wrong there, as sentences that name the setting's source."""
    return [f"{_source(tuple(path.split('.')), overridden)}: {path}: {what}" for path, what in problems]


def suggest_nearest(name: str, known: Iterable[str]) -> str:
    """Suggest the known name that is most similar to a misspelt one; empty: none is similar."""
    near = difflib.get_close_matches(name, list(known), 1, cutoff=0.5)
    return f" (did you mean {near[0]}?)" if near else ""


def _source(path: tuple[str, ...], overridden: Sequence[tuple[str, ...]]) -> str:
    return "override" if any(path[: len(known)] == known for known in overridden) else FILE


def _sentence(detail: ErrorDetails, path: tuple[str, ...], model: type[BaseModel]) -> tuple[str, str]:
    kind, context = detail["type"], detail.get("ctx", {})
    if kind == "missing":
        return "must be set", ""
    if kind == "extra_forbidden":
        if path in REMOVED:
            return REMOVED[path], ""
        known = _keys_at(model, path[:-1])
        if (new := RENAMED.get(path[-1], "")) in known:
            return f"was renamed: call it {new}", ""
        return f"unknown key{suggest_nearest(path[-1], known)}; known are {', '.join(known)}", ""
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
            # The keys of a list's items, or of a table's values.
            found = typing.get_args(found)[0 if typing.get_origin(found) is tuple else 1]
    return [field.alias or name for name, field in found.model_fields.items()]
