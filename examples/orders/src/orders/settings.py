"""What the environment sets."""

import sys
from enum import StrEnum
from pathlib import Path
from typing import Annotated

from psycopg import ProgrammingError
from psycopg.conninfo import conninfo_to_dict
from pydantic import Field, SecretStr, ValidationError, field_validator, model_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict


class LogLevel(StrEnum):
    """`minimal` means `warning`."""

    DEBUG = "debug"
    INFO = "info"
    WARNING = "warning"
    ERROR = "error"
    OFF = "off"


class Feature(StrEnum):
    """The flags that this release knows; `all` switches every one on."""

    ORDER_SEARCH = "order-search"


class Settings(BaseSettings):
    """The environment variables of the same names, in capitals; an empty one counts as not set."""

    model_config = SettingsConfigDict(frozen=True, env_ignore_empty=True, hide_input_in_errors=True)

    database_url: SecretStr
    database_url_file: Path | None = None
    migrate_on_start: bool = True
    features: Annotated[frozenset[str], NoDecode] = frozenset()
    log_level: LogLevel = LogLevel.INFO
    port: int = Field(default=8000, ge=1, le=65535)
    drain_seconds: float = Field(default=3, ge=0, le=300)
    finish_seconds: int = Field(default=5, ge=1, le=300)
    app_version: str = "dev"

    @property
    def enabled(self) -> list[Feature]:
        return [feature for feature in Feature if self.features & {feature, "all"}]

    @property
    def unknown_features(self) -> list[str]:
        """Flags that are no error: a release that is switched back to may not know them yet."""
        return sorted(self.features - {*Feature, "all"})

    @model_validator(mode="before")
    @classmethod
    def _read_database_url_file(cls, values: dict[str, object]) -> dict[str, object]:
        path = values.get("database_url_file")
        if not path:
            return values
        if values.get("database_url"):
            raise ValueError("set DATABASE_URL or DATABASE_URL_FILE, not both")
        try:
            return values | {"database_url": Path(str(path)).read_text(encoding="utf-8").strip()}
        except OSError as error:
            raise ValueError(f"DATABASE_URL_FILE: {path}: {error.strerror}") from error

    @field_validator("database_url")
    @classmethod
    def _is_a_database_url(cls, url: SecretStr) -> SecretStr:
        try:
            conninfo_to_dict(url.get_secret_value())
        except ProgrammingError:
            # Its message may quote the password.
            raise ValueError("must be like postgresql://user:password@host:5432/name") from None
        return url

    @field_validator("features", mode="before")
    @classmethod
    def _split(cls, value: object) -> object:
        return [flag.strip() for flag in value.split(",") if flag.strip()] if isinstance(value, str) else value

    @field_validator("log_level", mode="before")
    @classmethod
    def _lower(cls, value: object) -> object:
        return {"minimal": LogLevel.WARNING}.get(value.lower(), value.lower()) if isinstance(value, str) else value


def read_settings() -> Settings:
    """Read the environment, or exit with every problem in it and a status of 2."""
    try:
        return Settings()
    except ValidationError as error:
        for problem in error.errors():
            name = "_".join(str(part) for part in problem["loc"]).upper()
            print(f"{name}: {problem['msg']}" if name else problem["msg"], file=sys.stderr)  # noqa: T201 -- no log yet
        sys.exit(2)
