"""One environment of one app, as a target sees it."""

from ci.frozen import FrozenModel
from ci.settings import App, Environment, Images, Registry, Settings


class RegistryLogin(FrozenModel):
    """The user of the registry; empty: the registry needs no login."""

    user: str = ""
    # A file in this process's file system.
    password_file: str = ""


class Stack(FrozenModel):
    """The part of the settings that one environment's target needs."""

    app: App
    name: str
    environment: Environment
    registry: Registry
    images: Images = Images()

    @classmethod
    def of(cls, settings: Settings, name: str) -> "Stack":
        """Take one environment out of the settings; raises SettingsError where there is none of that name."""
        environment = settings.environment(name)
        return cls(
            app=settings.app, name=name, environment=environment, registry=settings.registry, images=settings.images
        )

    @property
    def namespace(self) -> str:
        """The stack's name, as `docker stack ls` shows it."""
        return f"{self.app.name}-{self.name}"
