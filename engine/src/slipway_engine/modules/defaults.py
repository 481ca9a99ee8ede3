"""Defaults that a user keeps in .env: beside dagger.json, or in a folder above with the module's name in front."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from slipway_engine.errors import UsageError
from slipway_engine.modules.names import camel, snake
from slipway_engine.modules.source import ModuleSource

FILE = ".env"


@dataclass(frozen=True)
class Defaults:
    """Values by name: `ARG` for the constructor, `FUNCTION_ARG`, `OBJECT_FUNCTION_ARG`; case does not matter."""

    main_object: str = ""
    values: Mapping[str, str] = field(default_factory=dict)
    # A file above that is not the module's own: its path, the module's name, and the names without it.
    outer: Path | None = None
    module: str = ""
    without_name: tuple[str, ...] = ()

    @classmethod
    def find(cls, source: ModuleSource, workdir: Path) -> "Defaults":
        """Read the files; values of the outer file for this module win."""
        inner, outer = source.root / FILE, _find_up(workdir)
        values = _read(inner) if inner.is_file() else {}
        if outer is None or outer == inner:
            return cls(source.main_object, values)
        found = _read(outer)
        own = _within(found, source.name)
        others = tuple(name for name in found if not _within({name: ""}, source.name))
        return cls(source.main_object, values | own, outer, source.name, others)

    def unread(self, arguments: Iterable[str]) -> list[str]:
        """Return a sentence for each line of the file above that only lacks the module's name to be a default."""
        known = {camel(argument).lower() for argument in arguments}
        return [
            f"{self.outer}: {name} is not read: the module is in another folder, so the line needs the module's name: "
            f"{snake(self.module).upper()}_{name}"
            for name in self.without_name
            if name.lower() in known
        ]

    def get(self, type_name: str, function: str, argument: str) -> str | None:
        """Return the value for an argument; a constructor's function has no name."""
        values = dict(self.values)
        if type_name.lower() != self.main_object.lower():
            values = _within(values, type_name)
        if function:
            values = _within(values, function)
        name_in_file = camel(argument).lower()
        return next((value for name, value in sorted(values.items()) if name.lower() == name_in_file), None)


def _within(values: Mapping[str, str], prefix: str) -> dict[str, str]:
    prefixes = (f"{camel(prefix)}_".lower(), f"{snake(prefix)}_".lower())
    found = {}
    for name, value in values.items():
        matching = next((start for start in prefixes if name.lower().startswith(start)), None)
        if matching:
            found[name[len(matching) :]] = value
    return found


def _read(path: Path) -> dict[str, str]:
    from dotenv import dotenv_values  # noqa: PLC0415 - most runs have no .env

    try:
        return {name: value or "" for name, value in dotenv_values(path).items()}
    except (OSError, ValueError) as error:
        raise UsageError(f"{path}: cannot be read: {error}") from error


def _find_up(folder: Path) -> Path | None:
    paths = (place / FILE for place in (folder, *folder.parents))
    found = next((path for path in paths if path.exists()), None)
    return found if found and found.is_file() else None
