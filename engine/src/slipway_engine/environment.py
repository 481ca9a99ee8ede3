"""The host's variables that set the engine up: typed, and checked before anything is done.

Pydantic's settings would do this, but importing them takes 0.2 s, and `ci functions` as a whole at most 0.5 s.
"""

import os
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from slipway_engine.errors import UsageError
from slipway_engine.model.sizes import parse_size

T = TypeVar("T")

CACHE, CACHE_BYTES, DOCKER_HOST, CA_BUNDLE = "SLIPWAY_CACHE", "SLIPWAY_CACHE_BYTES", "DOCKER_HOST", "SSL_CERT_FILE"
DEFAULT_CACHE_BYTES = 20 * 10**9

_PORT = r"(?::[0-9]{1,5})?"
_HOST = re.compile(
    rf"unix:///.+|(?:tcp|http|https|ssh)://(?:[^@/\s]+@)?(?:[^@/\s:\[\]]+|\[[0-9a-fA-F:.]+\]){_PORT}(?:/.*)?"
)


@dataclass(frozen=True)
class Environment:
    """The variables as values; an empty variable is one that is not set."""

    cache: Path
    """The engine's folder: SLIPWAY_CACHE, or `slipway` in the user's cache folder."""
    cache_bytes: int = DEFAULT_CACHE_BYTES
    """How much the steps' images may hold: SLIPWAY_CACHE_BYTES, in bytes or with a unit."""
    docker_host: str = ""
    """Where Docker's daemon is: DOCKER_HOST; empty: where Docker's current context says, or the usual sockets."""
    ca_bundle: Path | None = None
    """A file of certificates that steps trust, too: SSL_CERT_FILE."""

    @classmethod
    def read(cls, variables: Mapping[str, str] = os.environ) -> "Environment":
        """Read the variables; raises UsageError with a sentence for each that is malformed."""
        problems: list[str] = []

        def get(name: str, convert: Callable[[str], T], default: T, must: str) -> T:
            text = variables.get(name, "")
            try:
                return convert(text) if text else default
            except (ValueError, RuntimeError):  # pathlib raises the latter for a home that is not known
                problems.append(f"{name}: {must} (is {text!r})")
                return default

        found = cls(
            cache=get(CACHE, _folder, None, "must name a folder") or _user_cache(variables, problems),
            cache_bytes=get(CACHE_BYTES, parse_size, DEFAULT_CACHE_BYTES, "must be a size, such as 20GB or 500MiB"),
            docker_host=get(DOCKER_HOST, _docker_host, "", "must be unix://PATH, tcp://HOST:PORT or ssh://USER@HOST"),
            ca_bundle=get(CA_BUNDLE, _file, None, "must name a file of certificates"),
        )
        if problems:
            raise UsageError("\n".join(problems))
        return found


def _user_cache(variables: Mapping[str, str], problems: list[str]) -> Path:
    try:
        home = Path.home()
    except RuntimeError:
        problems.append("HOME: must name a folder (is not set)")
        home = Path("/")
    return Path(variables.get("XDG_CACHE_HOME") or home / ".cache") / "slipway"


def _folder(text: str) -> Path:
    return Path(text).expanduser()


def _file(text: str) -> Path:
    path = Path(text)
    if not path.is_file():
        raise ValueError(text)
    return path


def _docker_host(text: str) -> str:
    if not _HOST.fullmatch(text):
        raise ValueError(text)
    return text
