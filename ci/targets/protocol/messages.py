"""What requests and outcomes are made of, and what every request says."""

from pydantic import BaseModel, ConfigDict

from ci.settings import App, Environment, Images, Registry, Settings


class Message(BaseModel):
    """A part of a request or of an outcome."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Access(Message):
    """What opens the way to a target: paths inside the step that asks."""

    socket: str = "/var/run/docker.sock"
    # The private key for ssh://; empty: none is needed.
    key_file: str = ""


class RegistryLogin(Message):
    """Who pushes to and pulls from the registry; empty: nobody has to be named."""

    user: str = ""
    password_file: str = ""


class Stack(Message):
    """What is wanted: one environment of one app."""

    app: App
    name: str
    environment: Environment
    registry: Registry
    images: Images = Images()

    @classmethod
    def of(cls, settings: Settings, name: str) -> "Stack":
        """Take from the settings what a target has to know about one of their environments."""
        environment = settings.environment(name)
        return cls(
            app=settings.app, name=name, environment=environment, registry=settings.registry, images=settings.images
        )

    @property
    def namespace(self) -> str:
        """Name the stack, as `docker stack ls` shows it."""
        return f"{self.app.name}-{self.name}"


class Request(Message):
    """What every request says: of which stack, and how to get there."""

    stack: Stack
    access: Access = Access()
    login: RegistryLogin = RegistryLogin()


class Outcome(Message):
    """What every outcome says: whether to go on, and one sentence for people."""

    ok: bool = True
    message: str
