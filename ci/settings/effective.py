"""The effective settings, each with its source."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ci.settings.defaults import DEFAULTS
from ci.settings.overrides import apply_overrides, read_file, read_overrides
from ci.settings.settings import Settings

Path = tuple[str, ...]


@dataclass(frozen=True)
class EffectiveSetting:
    """One effective setting."""

    # In the format of an override: `environments.dev.replicas`.
    path: str
    # As JSON.
    value: str
    # `override`, `file`, `default of KIND` or `default`.
    source: str


def list_effective(text: str, overrides: Sequence[str], environment: str) -> list[EffectiveSetting]:
    """List every setting that concerns an environment, with its value and its source.

    Raises:
        SettingsError: The settings are wrong, or there is no such environment.
    """
    settings = Settings.parse(text, overrides)
    kind = settings.environment(environment).kind
    values = settings.model_dump(mode="json", by_alias=True)
    values["environments"] = {environment: values["environments"][environment]}
    sources = {
        "override": apply_overrides({}, read_overrides(overrides)),
        "file": read_file(text),
        f"default of {kind}": {"environments": {environment: DEFAULTS[kind]}},
    }
    return [
        EffectiveSetting(".".join(path), json.dumps(value, ensure_ascii=False), _source(path, sources))
        for path, value in _leaves(values)
    ]


def _leaves(table: Mapping[str, Any], above: Path = ()) -> Iterator[tuple[Path, Any]]:
    for key, value in table.items():
        if isinstance(value, Mapping):
            yield from _leaves(value, (*above, key))
        else:
            yield (*above, key), value


def _source(path: Path, sources: Mapping[str, Mapping[str, Any]]) -> str:
    return next((name for name, table in sources.items() if _sets(table, path)), "default")


def _sets(table: Any, path: Path) -> bool:  # noqa: ANN401 - a TOML value of any kind
    if not path:
        return True
    return isinstance(table, Mapping) and path[0] in table and _sets(table[path[0]], path[1:])
