"""The file's text and the overrides as one table, before anything is checked."""

import re
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from ci.settings.defaults import merge
from ci.settings.problems import FILE, SettingsError

POSITION = re.compile(r"^(.*) \(at (line \d+, column \d+|end of document)\)$")


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


def _value(text: str) -> Any:  # noqa: ANN401 - a TOML value of any kind
    try:
        return tomllib.loads(f"value = {text}")["value"]
    except (ValueError, RecursionError):
        # Quotes are tedious on a command line: a text that is no other value is a string.
        return text
