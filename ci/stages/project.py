"""The checkout and the caller's credentials: what every function begins with."""

import dataclasses

import dagger

from ci.settings import FILE, Settings
from ci.stages.agent import Agent
from ci.stages.credentials import Credentials
from ci.stages.errors import Refused
from ci.stages.service import Service


@dataclasses.dataclass(frozen=True)
class Project:
    """A repository with a pipeline.toml, and what opens the way to its targets and its registry."""

    source: dagger.Directory
    credentials: Credentials
    overrides: list[str]

    async def settings(self) -> Settings:
        """Read the settings; raises SettingsError with everything that is wrong with them."""
        return Settings.parse(await self.settings_text(), self.overrides)

    async def settings_text(self) -> str:
        """Return the text of pipeline.toml.

        Raises:
            Refused: There is none.
        """
        if not await self.source.exists(FILE):
            raise Refused(f"{FILE}: missing at the repository's root: copy the one of the pipeline and change it")
        return await self.source.file(FILE).contents()

    async def service(self, settings: Settings) -> Service:
        """Return the service, with what of the repository it needs."""
        return await Service.of(settings, self.source)

    async def agent(self, key: dagger.Secret | None = None) -> Agent:
        """Return the agent with the checkout's rules; `key` signs instead of the caller's signing key.

        Raises:
            Refused: Of two arguments that belong together, one is missing.
        """
        credentials = self.credentials.with_signing_key(key)
        credentials.check()
        return await Agent.of(await self.settings(), credentials, self.source)
