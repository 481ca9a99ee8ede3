"""What the pipeline has to know about the service, its registry and the images around it."""

from typing import Literal

from ci.frozen import FrozenModel
from ci.settings.values import Folder, Image, Name, Port, Repository, Route

# One line on a bare socket: a health check runs every second or so, and an HTTP client's imports would cost it 0.1 s.
PROBE = (
    "import socket, sys; s = socket.create_connection(('127.0.0.1', {port}), 2); "
    "s.sendall(b'GET {path} HTTP/1.0\\r\\nHost: localhost\\r\\n\\r\\n'); "
    "f = s.makefile('rb'); line = f.readline(); f.read(); print(line.decode().strip()); sys.exit(b' 200 ' not in line)"
)


class Tests(FrozenModel):
    """Where the service's tests are, inside its folder."""

    # Not a test class, whatever its name says.
    __test__ = False

    unit: Folder = "tests/unit"
    integration: Folder = "tests/integration"
    smoke: Folder = "tests/smoke"


class App(FrozenModel):
    """`[app]`: the service."""

    name: Name
    path: Folder = "."
    # What uvicorn is told to serve; a service with a Dockerfile starts itself and needs none.
    module: str = ""
    dockerfile: Folder | None = None
    port: Port = 8000
    health_path: Route = "/healthz"
    version_path: Route = "/version"
    # What a container is asked inside itself; empty: a GET of `health_path` by the image's Python.
    health_command: tuple[str, ...] = ()
    # A key of `[images]` or any other image.
    base_image: Image = "python"
    database: Literal["postgres", "none"] = "none"
    # The folder of the database's migrations, inside the service's; empty: there are none.
    migrations: Folder = ""
    # The developers' word that the release before works on this one's schema, so that both can run at once.
    forward_compatible: bool = True
    tests: Tests = Tests()

    @property
    def probe(self) -> tuple[str, ...]:
        """The command that tells whether a container is healthy."""
        script = PROBE.format(port=self.port, path=self.health_path)
        return self.health_command or ("python", "-ISc", script)


class Registry(FrozenModel):
    """`[registry]`: where the service's images are kept."""

    repository: Repository
    # A file of the repository with the certificates (PEM) of a registry that the system's do not know; empty: none.
    ca: Folder = ""

    @property
    def host(self) -> str:
        """The registry's host and port."""
        return self.repository.partition("/")[0]

    @property
    def is_loopback(self) -> bool:
        """Tell whether it is only reachable on the target's own machine."""
        return self.host.partition(":")[0] in {"localhost", "127.0.0.1"}

    def beside(self, image: str) -> str:
        """Name the place of a third-party image in this registry, without a tag: beside the service's repository."""
        name = image.partition("@")[0]
        path, _, last = name.rpartition("/")
        last = last.partition(":")[0]
        return f"{self.repository.rpartition('/')[0]}/{path or 'library'}/{last}"


class Images(FrozenModel):
    """`[images]`: the third-party images that the pipeline uses."""

    python: Image = "python:3.13-slim"
    postgres: Image = "postgres:17"
    caddy: Image = "caddy:2"
    busybox: Image = "busybox:1"
