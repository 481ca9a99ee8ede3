"""Talking to the ledger: one request is one run of the program `ci.ledger`, in a step that reaches the registry."""

import dataclasses
from typing import TypeVar

import dagger
from dagger import dag

from ci.ledger import protocol
from ci.settings import FILE, Settings
from ci.stages.credentials import Credentials, needed
from ci.stages.errors import LedgerFailed, Refused
from ci.stages.failing import stage
from ci.stages.program import answered, program, with_ssh

# Where a loopback registry is bound, and where things are mounted.
REGISTRY = "registry"
CACHE = "/var/cache/ledger"
PASSWORD = "/run/ledger/registry_password"  # noqa: S105 - where the secret is mounted, not what it is
KEY = "/run/ledger/key"
PUBLIC_KEY = "/run/ledger/key.pub"
AGENT = "/run/ledger/agent.sock"
TOKEN = "/run/ledger/github_token"  # noqa: S105 - the same

Answer = TypeVar("Answer", bound=protocol.Outcome)


@dataclasses.dataclass(frozen=True)
class Ledger:
    """The ledger of an app, and whose signatures count there."""

    settings: Settings
    credentials: Credentials
    keys: protocol.Keys
    # The registry's own certificates; empty: those of the system do.
    ca: str = ""

    @classmethod
    async def of(cls, settings: Settings, credentials: Credentials, source: dagger.Directory) -> "Ledger":
        """Return the ledger with the keys that the repository holds."""
        release = settings.release
        keys = protocol.Keys(
            # A team that signs nothing has none.
            allowed_signers=await _optional(source, release.allowed_signers),
            revoked=await named(source, release.revoked_keys, "release.revoked_keys"),
        )
        ca = await named(source, settings.registry.ca, "registry.ca")
        return cls(settings, credentials, keys, ca=ca)

    @property
    def signs(self) -> bool:
        """Whether what is recorded is signed."""
        return self._signer != protocol.SigningKey()

    def signed_by(self, key: dagger.Secret | None) -> "Ledger":
        """Return it with another key to sign with, where one is given."""
        if key is None:
            return self
        credentials = dataclasses.replace(self.credentials, signing_key=key, ssh_agent=None, public_key=None)
        return dataclasses.replace(self, credentials=credentials)

    async def serving(self, environment: str) -> str:
        """Return the version that serves an environment.

        Raises:
            Refused: Nothing does.
        """
        viewed = await self.ask(protocol.Read, protocol.Viewed, view="environments")
        lines = viewed.environments.environments if viewed.environments else ()
        version = next((line.version for line in lines if line.environment == environment), "")
        if not version:
            raise Refused(f"{environment}: nothing serves there that could be released again")
        return version

    def asking_github(self, token: dagger.Secret | None, run: str = "") -> "Ledger":
        """Return it with another way to GitHub, or none."""
        credentials = dataclasses.replace(self.credentials, github_token=token, github_run=run)
        return dataclasses.replace(self, credentials=credentials)

    async def ask(self, kind: type[protocol.Request], expected: type[Answer], **details: object) -> Answer:
        """Send one request and return its outcome.

        Raises:
            Refused: The rules of the release say no; the message holds every reason.
            LedgerFailed: The request could not be carried out.
            StepFailed: The step that asks failed itself.
        """
        request = kind(
            settings=self.settings,
            access=self._access,
            keys=self.keys,
            signer=self._signer,
            github=self._github,
            **details,
        )
        async with stage(name="the ledger's program"):
            text = await answered(self._connected(), "ci.ledger", request.model_dump_json())
        outcome = protocol.read_outcome(text)
        if isinstance(outcome, protocol.Refused):
            raise Refused("\n".join(outcome.reasons) or outcome.message)
        if not isinstance(outcome, expected):
            raise LedgerFailed(f"ledger: {outcome.message}")
        return outcome

    @property
    def _access(self) -> protocol.Access:
        registry = self.settings.registry
        return protocol.Access(
            url=f"http://{REGISTRY}:{registry.host.partition(':')[2] or 80}" if registry.is_loopback else "",
            user=self.credentials.registry_user,
            password_file=PASSWORD if self.credentials.registry_password else "",
            ca=self.ca,
            cache=CACHE,
        )

    @property
    def _signer(self) -> protocol.SigningKey:
        if self.credentials.ssh_agent and self.credentials.public_key:
            return protocol.SigningKey(public_key_file=PUBLIC_KEY, agent_socket=AGENT)
        return protocol.SigningKey(key_file=KEY if self.credentials.signing_key else "")

    @property
    def _github(self) -> protocol.GithubAccess:
        token, run = self.credentials.github_token, self.credentials.github_run
        return protocol.GithubAccess(token_file=TOKEN if token else "", run=run)

    def _connected(self) -> dagger.Container:
        credentials = self.credentials
        step = program(self.settings)
        if self.keys.allowed_signers or self.signs:
            step = step.with_(with_ssh)
        # Records never change: those that were read once are not fetched again.
        step = step.with_mounted_cache(CACHE, dag.cache_volume("slipway-ledger"))
        if self.settings.registry.is_loopback:
            what = f"the ledger at {self.settings.registry.host}"
            step = step.with_service_binding(REGISTRY, needed(what, "registry", credentials.registry))
        if credentials.registry_password:
            step = step.with_mounted_secret(PASSWORD, credentials.registry_password)
        if credentials.github_token:
            step = step.with_mounted_secret(TOKEN, credentials.github_token)
        if credentials.signing_key:
            step = step.with_mounted_secret(KEY, credentials.signing_key)
        if credentials.ssh_agent and credentials.public_key:
            step = step.with_unix_socket(AGENT, credentials.ssh_agent)
            step = step.with_mounted_file(PUBLIC_KEY, credentials.public_key)
        return step


async def named(source: dagger.Directory, path: str, setting: str) -> str:
    """Return the text of a file that a setting names; empty: it names none.

    Raises:
        Refused: It is not there: a revoked key must not count because of a slip of the pen.
    """
    if path and not await source.exists(path):
        raise Refused(f"{FILE}: {setting}: names {path}, which is not in the repository: add it, or mend the name")
    return await source.file(path).contents() if path else ""


async def _optional(source: dagger.Directory, path: str) -> str:
    return await source.file(path).contents() if await source.exists(path) else ""
