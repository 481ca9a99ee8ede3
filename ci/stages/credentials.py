"""The credentials of a call: the constructor's arguments."""

import dataclasses
from typing import TypeVar

import dagger

from ci.stages.errors import Refused

Value = TypeVar("Value", dagger.Socket, dagger.Secret, dagger.Service)


@dataclasses.dataclass(frozen=True)
class Credentials:
    """The keys and sockets for targets and registries, and the signing key."""

    docker: dagger.Socket | None = None
    ssh_key: dagger.Secret | None = None
    registry: dagger.Service | None = None
    registry_user: str = ""
    registry_password: dagger.Secret | None = None
    signing_key: dagger.Secret | None = None
    ssh_agent: dagger.Socket | None = None
    public_key: dagger.File | None = None
    github_token: dagger.Secret | None = None
    # The run of the GitHub workflow that calls; empty: there is none.
    github_run: str = ""
    # Build the agent's image here instead of using the pinned one.
    build_agent: bool = False

    def check(self) -> None:
        """Check that arguments that belong together are given together.

        Raises:
            Refused: One of a pair is missing; the message names every such pair.
        """
        pairs = {
            ("registry_user", "registry_password"): (self.registry_user, self.registry_password),
            ("ssh_agent", "public_key"): (self.ssh_agent, self.public_key),
        }
        problems = [
            f"{name_argument(given)} needs {name_argument(missing)}: give both, or neither"
            for names, values in pairs.items()
            for given, missing in (names, names[::-1])
            if bool(values[names.index(given)]) and not values[names.index(missing)]
        ]
        if problems:
            raise Refused("\n".join(problems))

    def with_signing_key(self, key: dagger.Secret | None) -> "Credentials":
        """Return the credentials with another signing key, where one is given."""
        if key is None:
            return self
        return dataclasses.replace(self, signing_key=key, ssh_agent=None, public_key=None)


def name_argument(argument: str) -> str:
    """Name an argument of the constructor by its flag and its variable."""
    return f"--{argument.replace('_', '-')} ({argument.replace('_', '').upper()} in .env)"


def require(what: str, argument: str, value: Value | None) -> Value:
    """Return an argument of the constructor; raises Refused where it is missing."""
    if value is None:
        flag, variable = argument.replace("_", "-"), argument.replace("_", "").upper()
        raise Refused(
            f"{what} cannot be reached without --{flag}: give it before the function's name, or set {variable} in "
            ".env (see .env.example)"
        )
    return value
