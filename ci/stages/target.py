"""Talking to a target: one request is one run of the program `ci.targets`, in a step whose image holds it.

Neither a function nor a step sees the laptop's localhost; the step gets the Docker socket or the ssh key, and nothing
else of this pipeline ever talks to a target.
"""

import dataclasses
from typing import TypeVar
from uuid import uuid4

import dagger
from dagger import dag

from ci.settings import Environment, Settings
from ci.stages.errors import Refused, TargetFailed
from ci.stages.toolchain import VENV, base, without_caches
from ci.targets import protocol

SOCKET = "/var/run/docker.sock"
KEY = "/run/target/ssh_key"
PASSWORD = "/run/target/registry_password"  # noqa: S105 - where the secret is mounted, not what it is
MOUNTED = "/run/target/image.tar"
# What the program imports of this package.
PARTS = ["ci/__init__.py", "ci/settings", "ci/targets", "ci/edge", "ci/analysis"]

Answer = TypeVar("Answer", bound=protocol.Outcome)
Value = TypeVar("Value", dagger.Socket, dagger.Secret)


@dataclasses.dataclass(frozen=True)
class Credentials:
    """What opens the way to targets and registries: the constructor's arguments."""

    docker: dagger.Socket | None = None
    ssh_key: dagger.Secret | None = None
    registry_user: str = ""
    registry_password: dagger.Secret | None = None


@dataclasses.dataclass(frozen=True)
class Target:
    """One environment's target."""

    settings: Settings
    name: str
    credentials: Credentials

    async def ask(
        self,
        kind: type[protocol.Request],
        expected: type[Answer],
        *,
        mounted: dagger.File | None = None,
        **details: object,
    ) -> Answer:
        """Send one request and return its outcome, which may be bad news of the expected kind.

        Raises:
            TargetFailed: The request could not be carried out.
        """
        login = protocol.RegistryLogin(user=self.credentials.registry_user, password_file=self._password_file)
        access = protocol.Access(socket=SOCKET, key_file=KEY if self._environment.target.is_ssh else "")
        request = kind(stack=protocol.Stack.of(self.settings, self.name), access=access, login=login, **details)
        step = self._connected(program(self.settings))
        if mounted is not None:
            step = step.with_mounted_file(MOUNTED, mounted)
        # A target is another at every call: nothing of it may come from a cache.
        step = step.with_env_variable("SLIPWAY_CALL", uuid4().hex)
        text = await step.with_exec(["python", "-m", "ci.targets"], stdin=request.model_dump_json()).stdout()
        outcome = protocol.read_outcome(text)
        if not isinstance(outcome, expected):
            raise TargetFailed(f"{self.name}: {outcome.message}")
        return outcome

    @property
    def _environment(self) -> Environment:
        return self.settings.environment(self.name)

    @property
    def _password_file(self) -> str:
        return PASSWORD if self.credentials.registry_password else ""

    def _connected(self, step: dagger.Container) -> dagger.Container:
        if password := self.credentials.registry_password:
            step = step.with_mounted_secret(PASSWORD, password)
        if self._environment.target.is_ssh:
            return step.with_mounted_secret(KEY, self._needed("ssh_key", self.credentials.ssh_key))
        return step.with_unix_socket(SOCKET, self._needed("docker", self.credentials.docker))

    def _needed(self, argument: str, value: Value | None) -> Value:
        if value is None:
            flag, variable = argument.replace("_", "-"), argument.replace("_", "").upper()
            raise Refused(
                f"{self.name}: its target ({self._environment.target.address}) cannot be reached without "
                f"--{flag}: give it before the function's name, or set {variable} in .env (see .env.example)"
            )
        return value


def program(settings: Settings) -> dagger.Container:
    """Return the container that holds the program, with its locked dependencies."""
    source = dag.current_module().source()
    return (
        base(settings)
        .with_files("/app", [source.file("pyproject.toml"), source.file("uv.lock")])
        .with_exec(["uv", "sync", "--quiet", "--only-group", "target", "--no-install-workspace"])
        .with_env_variable("PATH", f"{VENV}/bin:$PATH", expand=True)
        .with_directory("/app", source, include=PARTS, exclude=["**/__pycache__"])
        # Leaves the bytecode of what it imports, which is a small part of what is installed.
        .with_exec(["python", "-c", "import ci.targets.__main__"])
        .with_(without_caches)
    )
