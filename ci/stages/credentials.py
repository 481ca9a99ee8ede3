"""What opens the way to targets and registries, and what is signed with: the constructor's arguments."""

import dataclasses
from typing import TypeVar

import dagger

from ci.stages.errors import Refused

Value = TypeVar("Value", dagger.Socket, dagger.Secret, dagger.Service)


@dataclasses.dataclass(frozen=True)
class Credentials:
    """What the constructor was given."""

    docker: dagger.Socket | None = None
    ssh_key: dagger.Secret | None = None
    registry: dagger.Service | None = None
    registry_user: str = ""
    registry_password: dagger.Secret | None = None
    signing_key: dagger.Secret | None = None
    ssh_agent: dagger.Socket | None = None
    public_key: dagger.File | None = None
    github_token: dagger.Secret | None = None
    # The run of the workflow that calls; empty: it is none.
    github_run: str = ""


def needed(what: str, argument: str, value: Value | None) -> Value:
    """Return an argument of the constructor that something cannot be reached without."""
    if value is None:
        flag, variable = argument.replace("_", "-"), argument.replace("_", "").upper()
        raise Refused(
            f"{what} cannot be reached without --{flag}: give it before the function's name, or set {variable} in "
            ".env (see .env.example)"
        )
    return value
