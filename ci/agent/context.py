"""What a handler works with: the rules, the ledger, and the way to targets."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from ci.agent.home import GITHUB_TOKEN, LEDGER_CACHE, PUBLIC_KEY, REGISTRY_PASSWORD, SIGNING_KEY, SSH_AGENT, Home, Rules
from ci.ledger.signing.signatures import Signatures, SigningKey
from ci.ledger.store.connection import RegistryAccess, open_ledger
from ci.ledger.store.store import Ledger
from ci.settings import Settings
from ci.targets.stack import Stack
from ci.targets.swarm.target import SwarmTarget
from ci.targets.target import Target


@dataclass(frozen=True)
class Context:
    """The outside world of one request."""

    home: Home
    rules: Rules

    @property
    def settings(self) -> Settings:
        """The rules' settings."""
        return self.rules.settings

    @property
    def github_token(self) -> str:
        """The path of the file with GitHub's token; empty: there is none."""
        return self.home.file(GITHUB_TOKEN)

    def stack(self, environment: str) -> Stack:
        """Return an environment's stack; raises SettingsError where there is none of that name."""
        return Stack.of(self.settings, environment)

    @asynccontextmanager
    async def target(self, environment: str) -> AsyncIterator[Target]:
        """Connect to an environment's target.

        Raises:
            TargetError: The target cannot be reached.
        """
        async with SwarmTarget.connect(
            self.stack(environment), self.home.access(), self.home.login(self.rules.registry_user)
        ) as target:
            yield target

    @asynccontextmanager
    async def ledger(self) -> AsyncIterator[Ledger]:
        """Open the ledger beside the app's images.

        Raises:
            LedgerError: The registry's login or its certificates cannot be read.
        """
        rules = self.rules
        access = RegistryAccess(
            url=rules.registry_url,
            user=rules.registry_user,
            password_file=self.home.file(REGISTRY_PASSWORD),
            ca=rules.registry_ca,
            cache=self.home.file(LEDGER_CACHE),
        )
        async with open_ledger(self.settings, access, self._signatures()) as ledger:
            yield ledger

    def _signatures(self) -> Signatures:
        agent = self.home.file(SSH_AGENT)
        key = SigningKey(
            key_file="" if agent else self.home.file(SIGNING_KEY),
            public_key_file=self.home.file(PUBLIC_KEY),
            agent_socket=agent,
        )
        return Signatures(self.rules.allowed_signers, self.rules.revoked_keys, key)
