"""`[app]`, `[registry]` and `[images]`: the service, its registry, and third-party images."""

from typing import Literal

from ci.frozen import FrozenModel
from ci.settings.values import Folder, Image, Name, Port, Repository, Route

# A bare socket: a health check runs every second, and the imports of an HTTP client would take 0.1 s each time.
PROBE = (
    "import socket, sys; s = socket.create_connection(('127.0.0.1', {port}), 2); "
    "s.sendall(b'GET {path} HTTP/1.0\\r\\nHost: localhost\\r\\n\\r\\n'); "
    "f = s.makefile('rb'); line = f.readline(); f.read(); print(line.decode().strip()); sys.exit(b' 200 ' not in line)"
)


class Tests(FrozenModel):
    """The folders of the service's tests, inside its own folder."""

    # pytest takes classes called Test… for test classes.
    __test__ = False

    unit: Folder = "tests/unit"
    integration: Folder = "tests/integration"
    smoke: Folder = "tests/smoke"


class App(FrozenModel):
    """`[app]`: the service."""

    name: Name
    path: Folder = "."
    # The application that uvicorn serves; a service with a Dockerfile needs none.
    module: str = ""
    dockerfile: Folder | None = None
    port: Port = 8000
    health_path: Route = "/healthz"
    version_path: Route = "/version"
    # The health check's command inside the container; empty: a GET of `health_path` with the image's Python.
    health_command: tuple[str, ...] = ()
    # A key of `[images]` or any other image.
    base_image: Image = "python"
    database: Literal["postgres", "none"] = "none"
    # The folder of the database's migrations, inside the service's folder; empty: there are none.
    migrations: Folder = ""
    # Whether the previous release works on this one's schema, so that both can run at once.
    forward_compatible: bool = True
    tests: Tests = Tests()

    @property
    def probe(self) -> tuple[str, ...]:
        """The command that checks whether a container is healthy."""
        script = PROBE.format(port=self.port, path=self.health_path)
        return self.health_command or ("python", "-ISc", script)


class Registry(FrozenModel):
    """`[registry]`: the repository of the service's images."""

    repository: Repository
    # A file with the CA certificates (PEM) of a registry that has a private CA; empty: none.
    ca: Folder = ""

    @property
    def host(self) -> str:
        """The registry's host and port."""
        return self.repository.partition("/")[0]

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
    postgres: Image = "postgres:17"
    caddy: Image = "caddy:2"
    busybox: Image = "busybox:1"
