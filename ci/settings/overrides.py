"""The file's text and the overrides as one table, before anything is checked."""

import re
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from ci.settings.defaults import merge
from ci.settings.problems import FILE, SettingsError

POSITION = re.compile(r"^(.*) \(at (line \d+, column \d+|end of document)\)$")


# How a value begins that may hold commas.
OPENING = ("[", "{", '"', "'")


@dataclass(frozen=True)
class Override:
    """One `path=value`."""

    path: tuple[str, ...]
    value: Any


def read_file(text: str) -> dict[str, Any]:
    """Read the file's TOML."""
    try:
        return tomllib.loads(text)
    # The reader gives up on numbers of thousands of digits and on thousands of brackets with errors of its own.
    except (ValueError, RecursionError) as error:
        match = POSITION.match(str(error))
        what, where = (match[1], match[2]) if match else (str(error), "somewhere")
        raise SettingsError([f"{FILE}: {where}: {what[0].lower()}{what[1:]}"]) from error


def read_overrides(overrides: Sequence[str]) -> list[Override]:
    """Read overrides; one that is wrong fails all."""
    overrides = _rejoin(overrides)
    matches = [re.match(r"^([\w-]+(?:\.[\w-]+)*)=(.*)$", text, re.DOTALL) for text in overrides]
    if wrong := [text for text, match in zip(overrides, matches, strict=True) if not match]:
        raise SettingsError(
            [f"override {text}: must be path=value, like environments.dev.replicas=3" for text in wrong]
        )
    return [Override(tuple(match[1].split(".")), _value(match[2])) for match in matches if match]


def apply_overrides(data: dict[str, Any], overrides: Sequence[Override]) -> dict[str, Any]:
    """Merge overrides over the file's table."""
    for override in overrides:
        table: Any = override.value
        for key in reversed(override.path):
            table = {key: table}
        data = merge(data, table)
    return data


def _rejoin(parts: Sequence[str]) -> list[str]:
    """Join the parts of values again that the command line has split at their commas: `path=['a','b']`."""
    joined, rest = [], list(parts)
    while rest:
        text = rest.pop(0)
        _, _, value = text.partition("=")
        if value.strip()[:1] in OPENING and not _is_toml(value):
            for count in range(1, len(rest) + 1):
                whole = ",".join([text, *rest[:count]])
                if _is_toml(whole.partition("=")[2]):
                    text, rest = whole, rest[count:]
                    break
        joined.append(text)
    return joined


def _is_toml(value: str) -> bool:
    try:
        tomllib.loads(f"value = {value}")
    except (ValueError, RecursionError):
        return False
    return True


def _value(text: str) -> Any:  # noqa: ANN401 - a TOML value of any kind
    try:
        return tomllib.loads(f"value = {text}")["value"]
    except (ValueError, RecursionError):
        # Quotes are tedious on a command line: a text that is no other value is a string.
        return text
