"""`[app]`, `[registry]` and `[images]`: the service, its registry, and third-party images."""

from typing import Annotated, Literal

from pydantic import Field

from ci.frozen import FrozenModel
from ci.settings.values import Folder, Image, Module, Name, Port, Repository, Route


class Tests(FrozenModel):
    """The folders of the service's tests, inside its own folder."""

    # pytest takes classes called Test… for test classes.
    __test__ = False

    unit: Annotated[Folder, Field(min_length=1)] = "tests/unit"
    """The folder of the unit tests, inside the service's folder."""
    integration: Annotated[Folder, Field(min_length=1)] = "tests/integration"
    """The folder of the integration tests, inside the service's folder."""
    smoke: Annotated[Folder, Field(min_length=1)] = "tests/smoke"
    """The folder of the smoke tests, inside the service's folder."""


class App(FrozenModel):
    """`[app]`: the service."""

    name: Name
    """The service's name."""
    path: Annotated[Folder, Field(min_length=1)] = "."
    """The service's folder in the repository."""
    module: Module = ""
    """The Python package that `python -m` starts, such as `orders`; a service with a Dockerfile needs none."""
    dockerfile: Folder | None = None
    """A Dockerfile in the service's folder, which the pipeline builds and lints instead of its own recipe."""
    port: Port = 8000
    """The port on which the service answers in its container."""
    health_path: Route = "/healthz"
    """The path at which a replica says over the network, with a status of 200 to 299, that it is ready for requests."""
    version_path: Route = "/version"
    """The path that answers with the version."""
    liveness_command: tuple[str, ...] = ()
    """A command in the container by which Swarm kills replicas, without coordination; empty: Swarm kills none."""
    base_image: Image = "python"
    """The base image of the service's image, its test image and the agent: a key of `[images]` or any other image."""
    database: Literal["postgres", "none"] = "none"
    """`postgres`: a database for the unit tests, and one in each environment's stack."""
    migrations: Folder = ""
    """The folder of the database's migrations, inside the service's folder; empty: there are none."""
    forward_compatible: bool = True
    """Whether the previous release works on this one's schema, so that both can run at once."""
    tests: Tests = Tests()
    """The folders of the service's tests."""


HTTPS = 443


class Registry(FrozenModel):
    """`[registry]`: the repository of the service's images."""

    repository: Repository
    """The repository of the service's images and of the ledger."""
    ca: Folder = ""
    """A file of the repository with the CA certificates (PEM) of a registry that has a private CA; empty: none."""

    @property
    def host(self) -> str:
        """The registry's host and port."""
        return self.repository.partition("/")[0]

    @property
    def port(self) -> int:
        """The registry's port."""
        return int(self.host.partition(":")[2] or HTTPS)

    @property
    def is_loopback(self) -> bool:
        """Whether only the target's own machine reaches the registry."""
        return self.host.partition(":")[0] in {"localhost", "127.0.0.1"}

    def beside(self, image: str) -> str:
        """Return a third-party image's repository in this registry, beside the service's own."""
        name = image.partition("@")[0]
        path, _, last = name.rpartition("/")
        last = last.partition(":")[0]
        return f"{self.repository.rpartition('/')[0]}/{path or 'library'}/{last}"


class Images(FrozenModel):
    """`[images]`: the third-party images that the pipeline uses."""

    python: Image = "python:3.13-slim"
    """The base image of the service's image, its test image and the agent, unless `app.base_image` names another."""
    postgres: Image = "postgres:17"
    """The image of databases."""
    caddy: Image = "caddy:2"
    """The image of the edge and of helper containers."""
    busybox: Image = "busybox:1"
    """A small image, for services whose `app.base_image` is `busybox`."""
