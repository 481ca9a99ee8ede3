"""Talking to a target: one request is one run of the program `ci.targets`, in a step whose image holds it.

Neither a function nor a step sees the laptop's localhost; the step gets the Docker socket or the ssh key, and nothing
else of this pipeline ever talks to a target.
"""

import dataclasses
from typing import TypeVar

import dagger

from ci.settings import Environment, Settings
from ci.stages.credentials import Credentials, needed
from ci.stages.errors import TargetFailed
from ci.stages.failing import stage
from ci.stages.program import answered, program
from ci.targets import protocol

SOCKET = "/var/run/docker.sock"
KEY = "/run/target/ssh_key"
PASSWORD = "/run/target/registry_password"  # noqa: S105 - where the secret is mounted, not what it is
MOUNTED = "/run/target/image.tar"

Answer = TypeVar("Answer", bound=protocol.Outcome)


@dataclasses.dataclass(frozen=True)
class Target:
    """One environment's target."""

    settings: Settings
    name: str
    credentials: Credentials

    def with_features(self, features: tuple[str, ...] | str) -> "Target":
        """Return it with the features that a release is allowed there."""
        environment = self._environment.model_copy(update={"features": features})
        environments = {**self.settings.environments, self.name: environment}
        return dataclasses.replace(self, settings=self.settings.model_copy(update={"environments": environments}))

    async def ask(
        self,
        kind: type[protocol.Request],
        expected: type[Answer],
        *,
        mounted: dagger.File | None = None,
        mounted_secret: dagger.Secret | None = None,
        **details: object,
    ) -> Answer:
        """Send one request and return its outcome, which may be bad news of the expected kind.

        Raises:
            TargetFailed: The request could not be carried out.
            StepFailed: The step that asks failed itself.
        """
        hosts = kind is protocol.Provision
        login = protocol.RegistryLogin(user=self.credentials.registry_user, password_file=self._password_file)
        access = protocol.Access(socket=SOCKET, key_file=KEY if self._environment.target.is_ssh or hosts else "")
        request = kind(stack=protocol.Stack.of(self.settings, self.name), access=access, login=login, **details)
        step = self._connected(program(self.settings), hosts=hosts)
        if mounted is not None:
            step = step.with_mounted_file(MOUNTED, mounted)
        if mounted_secret is not None:
            step = step.with_mounted_secret(MOUNTED, mounted_secret)
        async with stage(name=f"{self.name}: the program beside its target"):
            outcome = protocol.read_outcome(await answered(step, "ci.targets", request.model_dump_json()))
        if not isinstance(outcome, expected):
            raise TargetFailed(f"{self.name}: {outcome.message}", getattr(outcome, "reason", ""))
        return outcome

    @property
    def _environment(self) -> Environment:
        return self.settings.environment(self.name)

    @property
    def _what(self) -> str:
        return f"{self.name}: its target ({self._environment.target.address})"

    @property
    def _password_file(self) -> str:
        return PASSWORD if self.credentials.registry_password else ""

    def _connected(self, step: dagger.Container, *, hosts: bool) -> dagger.Container:
        if password := self.credentials.registry_password:
            step = step.with_mounted_secret(PASSWORD, password)
        if self._environment.target.is_ssh or hosts:
            return step.with_mounted_secret(KEY, needed(self._what, "ssh_key", self.credentials.ssh_key))
        return step.with_unix_socket(SOCKET, needed(self._what, "docker", self.credentials.docker))
