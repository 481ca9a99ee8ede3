"""The real `ci` command against a small service of the tests' own, on this machine's Docker."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
import uuid
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from ci.settings import FILE, Settings
from ci.targets.stack import Stack
from ci.targets.target import TargetState
from tests.machine import a_free_port, docker, ensure_swarm
from tests.registries import Stoppable, a_stoppable_registry
from tests.users import browsers

from .targets import read_state, remove_stack

# The service's own tests run in its pipeline.
collect_ignore = ["service"]

HERE = Path(__file__).parent
REPOSITORY = HERE.parents[1]
CI = Path(sys.executable).with_name("ci")
SOCKET = "/var/run/docker.sock"
REGISTRY = "tcp://localhost:5000"
TIMEOUT = 400

Environ = dict[str, str]
Traffic = Callable[[], AbstractContextManager[Counter[str]]]


@dataclass
class Outcome:
    """What a command did."""

    status: int
    out: str
    err: str
    seconds: float

    @property
    def json(self) -> Any:
        """The value that it printed with --json."""
        assert self.status == 0, self.err
        return json.loads(self.out)


@dataclass
class Project:
    """A repository with a service and its pipeline.toml, and the command that delivers it."""

    folder: Path
    module: Path
    environ: Environ
    constructor: tuple[str, ...] = (f"--docker={SOCKET}", f"--registry={REGISTRY}")

    def ci(self, *arguments: str, constructor: tuple[str, ...] | None = None, **variables: str) -> Outcome:
        """Run `ci call` to its end; `constructor` stands in for the usual arguments in front of the function."""
        began, process = time.monotonic(), self.start(*arguments, constructor=constructor, **variables)
        try:
            out, err = process.communicate(timeout=TIMEOUT)
        finally:
            process.kill()
        return Outcome(process.returncode, out, err, time.monotonic() - began)

    def start(
        self, *arguments: str, constructor: tuple[str, ...] | None = None, **variables: str
    ) -> subprocess.Popen[str]:
        """Start `ci call`."""
        given = self.constructor if constructor is None else constructor
        return subprocess.Popen(
            [str(CI), "--mod", str(self.module), "call", "--source=.", *given, *arguments],
            cwd=self.folder,
            env=self.environ | variables,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def deploy(self, *constructor: str) -> Any:
        """Deploy, which has to work, and return what the function reports."""
        return self.ci("deploy", "--env=dev", "--json", constructor=(*self.constructor, *constructor)).json

    def change(self, path: str, old: str, new: str) -> None:
        """Replace a text that stands in a file."""
        file = self.folder / path
        text = file.read_text()
        assert old in text, (path, old)
        file.write_text(text.replace(old, new))

    def add(self, path: str, text: str) -> None:
        """Add a text to the end of a file."""
        file = self.folder / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text((file.read_text() if file.exists() else "") + text)

    def git(self, *words: str) -> None:
        """Run git as the author."""
        author = ("-c", "user.name=Author", "-c", "user.email=author@example.org")
        subprocess.run(["git", *author, *words], cwd=self.folder, check=True, capture_output=True)

    def commit(self, version: str) -> None:
        """Commit everything, and tag it."""
        self.git("add", ".")
        self.git("commit", "--quiet", f"--message={version}")
        self.git("tag", version)

    @property
    def stack(self) -> Stack:
        """The stack of the environment dev."""
        return self.stack_of("dev")

    def stack_of(self, environment: str) -> Stack:
        """The stack of an environment."""
        return Stack.of(Settings.parse((self.folder / FILE).read_text()), environment)

    @property
    def address(self) -> str:
        """Where the service is reached."""
        return self.stack.environment.address

    def state(self) -> TargetState:
        """Read what exists in dev."""
        return read_state(self.stack)

    def version(self) -> str:
        """Ask dev which version answers."""
        return str(httpx.get(self.address, timeout=10).headers["x-version"])


@dataclass
class Serving:
    """A project that serves in dev, and what its first deploy returned."""

    project: Project
    first: Any


@contextmanager
def a_cache(folder: Path) -> Iterator[Environ]:
    """The environment of commands with a cache of their own, which is emptied in the end."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("DAGGER_", "OTEL_"))}
    environ = kept | {"SLIPWAY_CACHE": str(folder), "TERM": "dumb", "COLUMNS": "120"}
    yield environ
    subprocess.run([CI, "prune", "--all"], env=environ, cwd=REPOSITORY, check=True, capture_output=True)


def remove(project: Project) -> None:
    """Remove everything that a project left on this machine's Docker."""
    for environment in Settings.parse((project.folder / FILE).read_text()).environments:
        remove_stack(project.stack_of(environment))
    repository = project.stack.registry.repository
    # By tag too: the agent's image is pushed under one.
    for image in docker("images", "--format", "{{.Repository}} {{.ID}}").splitlines():
        if image.startswith(f"{repository} "):
            subprocess.run(["docker", "image", "rm", "--force", image.split()[1]], capture_output=True, check=False)


@pytest.fixture(scope="session", autouse=True)
def swarm() -> None:
    """Swarm mode, as the set-up would turn it on."""
    ensure_swarm()


@pytest.fixture(scope="session")
def environ(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Environ]:
    """One cache for all of the tests, that no developer's command shares."""
    with a_cache(tmp_path_factory.mktemp("cache")) as environ:
        yield environ


@pytest.fixture(scope="session")
def module(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The pipeline without what a developer keeps beside it, such as .env."""
    folder = tmp_path_factory.mktemp("module")
    (folder / "engine").mkdir()
    for name in ("dagger.json", "pyproject.toml", "uv.lock", "README.md", "engine/pyproject.toml"):
        shutil.copy(REPOSITORY / name, folder / name)
    shutil.copytree(REPOSITORY / "ci", folder / "ci", ignore=shutil.ignore_patterns("__pycache__"))
    return folder


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder in which the module's own registry keeps everything."""
    return tmp_path_factory.mktemp("registry")


@pytest.fixture(scope="module")
def registry(data: Path) -> Iterator[Stoppable]:
    """A registry of the test module's own."""
    with a_stoppable_registry(a_free_port(), data) as registry:
        yield registry


@pytest.fixture(scope="session")
def template(tmp_path_factory: pytest.TempPathFactory, module: Path, environ: Environ) -> Project:
    """The project as it is, with a name and a port of its own; the tests change copies of it."""
    folder = tmp_path_factory.mktemp("template")
    shutil.copytree(HERE / "service", folder / "service", ignore=shutil.ignore_patterns(".*", "__pycache__"))
    text = (HERE / FILE).read_text()
    name, port = f"e2e-{uuid.uuid4().hex[:8]}", str(a_free_port())
    (folder / FILE).write_text(text.replace("{name}", name).replace("{port}", port))
    return Project(folder, module, environ)


@pytest.fixture(scope="session")
def serving(template: Project) -> Iterator[Serving]:
    """The project, deployed to dev; other tests may have deployed another release since."""
    try:
        yield Serving(template, template.deploy())
    finally:
        remove(template)


@pytest.fixture
def project(template: Project, tmp_path: Path) -> Project:
    """A copy of the project, to be changed; its stack is the same."""
    shutil.copytree(template.folder, tmp_path / "project")
    return Project(tmp_path / "project", template.module, template.environ)


@pytest.fixture
def traffic(template: Project) -> Traffic:
    """Four users ask one thing after another while the body runs; answers are counted by status and version."""
    return lambda: browsers(template.address, "x-version", ("/", "/", "/", "/"))


def interrupt(process: subprocess.Popen[str], number: signal.Signals) -> Outcome:
    """Send a signal and wait for the end."""
    began = time.monotonic()
    process.send_signal(number)
    out, err = process.communicate(timeout=60)
    return Outcome(process.returncode, out, err, time.monotonic() - began)
