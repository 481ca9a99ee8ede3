"""Runs of the agent: one request, one step, one response.

Neither a function nor a step sees the laptop's localhost. The step gets the sockets and keys that its request needs,
and nothing else of the pipeline talks to a registry or a target.
"""

import dataclasses
from typing import TypeVar
from uuid import uuid4

import dagger
from dagger import dag

from ci.agent import home
from ci.agent.protocol.requests import Request
from ci.agent.protocol.responses import Done, Failed, Response, read_response
from ci.agent.protocol.responses import Refused as PolicyRefused
from ci.settings import FILE, Settings, Signing
from ci.stages.agent_image import find_agent
from ci.stages.credentials import Credentials, require
from ci.stages.errors import LedgerFailed, Refused, StageFailed, TargetFailed
from ci.stages.failure import stage

# The name of a loopback registry in the step.
REGISTRY = "registry"
REQUEST = f"{home.HOME}/request.json"
RESPONSE = "/run/response.json"

Expected = TypeVar("Expected", bound=Response)


@dataclasses.dataclass(frozen=True)
class Agent:
    """The agent with the checkout's rules and the caller's credentials."""

    settings: Settings
    credentials: Credentials
    source: dagger.Directory
    rules: home.Rules

    @classmethod
    async def of(cls, settings: Settings, credentials: Credentials, source: dagger.Directory) -> "Agent":
        """Take the rules from the checkout: its settings, and the files that they name."""
        signing, registry = settings.signing, settings.registry
        is_usual = signing.allowed_signers == Signing().allowed_signers
        allowed = "" if is_usual and not await source.exists(signing.allowed_signers) else signing.allowed_signers
        rules = home.Rules(
            settings=settings,
            # A team that signs nothing has no such file, under the usual name.
            allowed_signers=await _read_setting_file(source, allowed, "signing.allowed_signers"),
            revoked_keys=await _read_setting_file(source, signing.revoked_keys, "signing.revoked_keys"),
            registry_ca=await _read_setting_file(source, registry.ca, "registry.ca"),
            registry_url=f"http://{REGISTRY}:{registry.host.partition(':')[2] or 80}" if registry.is_loopback else "",
            registry_user=credentials.registry_user,
        )
        return cls(settings, credentials, source, rules)

    async def run(
        self,
        request: Request,
        expected: type[Expected],
        *,
        directories: dict[str, dagger.Directory] | None = None,
        files: dict[str, dagger.File] | None = None,
        secrets: dict[str, dagger.Secret] | None = None,
    ) -> Expected:
        """Run the agent on one request, with what is mounted into its home, and return the response.

        Raises:
            Refused: Policy does not allow the work; the message holds every reason.
            LedgerFailed: The ledger could not be read or written.
            TargetFailed: The target refused, or could not be reached.
            StepFailed: The step itself failed.
        """
        step = await self._step(request)
        for name, directory in (directories or {}).items():
            step = step.with_mounted_directory(f"{home.HOME}/{name}", directory)
        for name, file in (files or {}).items():
            step = step.with_mounted_file(f"{home.HOME}/{name}", file)
        for name, secret in (secrets or {}).items():
            step = step.with_mounted_secret(f"{home.HOME}/{name}", secret)
        async with stage(name=f"slipway-agent {' '.join(request.arguments)}"):
            response = read_response(await _run(step, request), expected)
        if isinstance(response, expected):
            return response
        raise _failure(response)

    async def message(self, request: Request, *, secrets: dict[str, dagger.Secret] | None = None) -> str:
        """Run the agent on a request and return its message, with a line end; raises as `run` does."""
        return f"{(await self.run(request, Done, secrets=secrets)).message}\n"

    async def _step(self, request: Request) -> dagger.Container:
        environment = getattr(request, "environment", "")
        step = await find_agent(self.settings, self.source, environment, self.credentials)
        # Rules hold no secret. But a Dagger engine's progress shows the text of everything else that a step gets.
        rules = dag.set_secret(f"rules-{uuid4().hex}", self.rules.model_dump_json())
        step = step.with_mounted_secret(f"{home.HOME}/{home.RULES}", rules)
        if password := self.credentials.registry_password:
            step = step.with_mounted_secret(f"{home.HOME}/{home.REGISTRY_PASSWORD}", password)
        if request.needs_ledger:
            step = self._with_ledger(step)
        if request.needs_target:
            step = self._with_targets(step, [environment] if environment else list(self.settings.environments), request)
        return step

    def _with_ledger(self, step: dagger.Container) -> dagger.Container:
        given, folder = self.credentials, home.HOME
        # Records never change: those that were read once are not fetched again.
        step = step.with_mounted_cache(f"{folder}/{home.LEDGER_CACHE}", dag.cache_volume("slipway-ledger"))
        if self.settings.registry.is_loopback:
            what = f"the ledger at {self.settings.registry.host}"
            step = step.with_service_binding(REGISTRY, require(what, "registry", given.registry))
        if given.github_token:
            step = step.with_mounted_secret(f"{folder}/{home.GITHUB_TOKEN}", given.github_token)
        if given.ssh_agent and given.public_key:
            step = step.with_unix_socket(f"{folder}/{home.SSH_AGENT}", given.ssh_agent)
            return step.with_mounted_file(f"{folder}/{home.PUBLIC_KEY}", given.public_key)
        if given.signing_key:
            step = step.with_mounted_secret(f"{folder}/{home.SIGNING_KEY}", given.signing_key)
        return step

    def _with_targets(self, step: dagger.Container, names: list[str], request: Request) -> dagger.Container:
        environments = {name: self.settings.environment(name) for name in names}
        # Hosts are prepared over ssh, whatever their environment's target.
        by_ssh = [n for n, one in environments.items() if one.target.is_ssh or request.arguments[0] == "provision"]
        by_socket = [name for name in environments if name not in by_ssh]
        if by_ssh:
            what = f"{by_ssh[0]}: its target ({environments[by_ssh[0]].target.address})"
            step = step.with_mounted_secret(
                f"{home.HOME}/{home.SSH_KEY}", require(what, "ssh_key", self.credentials.ssh_key)
            )
        if by_socket:
            what = f"{by_socket[0]}: its target ({environments[by_socket[0]].target.address})"
            step = step.with_unix_socket(f"{home.HOME}/{home.DOCKER}", require(what, "docker", self.credentials.docker))
        return step


async def _run(step: dagger.Container, request: Request) -> str:
    call = uuid4().hex
    # Not from the layer cache: the outside world differs at every call.
    step = step.with_env_variable("SLIPWAY_CALL", call)
    step = step.with_mounted_secret(REQUEST, dag.set_secret(f"request-{call}", request.model_dump_json()))
    # Not by way of the output: there a Dagger engine masks the step's secrets, and a short one changes the response.
    step = step.with_env_variable("SLIPWAY_RESPONSE", RESPONSE)
    ran = step.with_exec(["slipway-agent", *request.arguments], redirect_stdin=REQUEST)
    return await ran.file(RESPONSE).contents()


def _failure(response: Response) -> StageFailed:
    if isinstance(response, PolicyRefused):
        return Refused("\n".join(response.reasons) or response.message)
    if isinstance(response, Failed) and response.where == "target":
        return TargetFailed(response.message)
    if isinstance(response, Failed) and response.where == "ledger":
        return LedgerFailed(f"ledger: {response.message}")
    return Refused(response.message)


async def _read_setting_file(source: dagger.Directory, path: str, setting: str) -> str:
    """Return the text of a file that a setting names; empty: the setting names none.

    Raises:
        Refused: The file is missing. Fail closed: a typo must not re-enable a revoked key.
    """
    if path and not await source.exists(path):
        raise Refused(f"{FILE}: {setting}: names {path}, which is not in the repository: add it, or mend the name")
    return await source.file(path).contents() if path else ""
