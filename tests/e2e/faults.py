"""A service in two versions for tests of faults, and a deploy that is stopped at a certain moment."""

import asyncio
import shutil
import subprocess
import uuid
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

from ci.ledger.history import History
from ci.ledger.signing.signatures import Signatures
from ci.ledger.store.connection import RegistryAccess, open_ledger
from ci.settings import FILE, Settings
from ci.stages.agent_image import LOCK
from ci.targets.access import Access
from ci.targets.swarm.target import SwarmTarget
from ci.targets.target import TargetState
from tests.machine import a_free_port, docker
from tests.registries import Stoppable
from tests.relays import Relay

from .conftest import HERE, Environ, Outcome, Project

ENVIRONMENT = "acceptance"
# The previous release goes at once, so that every deploy starts its candidate anew.
SETTINGS = """
[app]
name = "{name}"
path = "service"
module = "greeter"

[registry]
repository = "localhost:{registry}/{name}"

[environments.dev]
kind = "dev"
edge.port = {ports[0]}
replicas = 1
verify = {{ window = 1, min_requests = 1, max_p95_ms = 10000 }}

[environments.acceptance]
kind = "acceptance"
edge.port = {ports[1]}
replicas = 1
approvals.count = 0
health = {{ timeout = 30, interval = 1 }}
keep_previous = 0
verify = {{ window = 2, min_requests = 2, max_p95_ms = 10000 }}
"""
VERSIONS = ("one", "two")
# The request to the target, as the first of its kind or the nth, with which a step of the deploy begins.
ASKED = {
    "lock": (r'"Name": ?"[^"]*_lock"', 1),
    "preflight": (r"GET \S*/distribution/", 1),
    "candidate": (r"POST \S*/services/create", 1),
    "test": (r'"slipway\.tests"', 1),
    # The edge itself, and then the record of its routing.
    "switch": (r"/load\"", 1),
    "record": (r"POST \S*/services/\S*/update", 1),
    "verify": (r"/metrics\"", 1),
    # The release becomes the stable one, and then the intent is cleared.
    "retire": (r"POST \S*/services/\S*/update", 2),
    "clear": (r"DELETE \S*/configs/", 1),
    "unlock": (r"DELETE \S*/configs/", 2),
}
# Lines of the progress after which the ledger is read, and written.
LEDGER = {"policy": f"slipway-agent deliver {ENVIRONMENT}", "record": "retire: "}


@dataclass(frozen=True)
class Target:
    """A target's socket, as the test sees it, and how its disk is filled up and made free again."""

    socket: str = "/var/run/docker.sock"
    fill: Callable[[], object] = lambda: None
    free: Callable[[], object] = lambda: None


@dataclass
class Place:
    """A project in two versions, of which one serves, and what it stands on."""

    project: Project
    relay: Relay
    registry: Stoppable
    target: Target
    address: str = field(init=False)

    def __post_init__(self) -> None:
        """Take the address from the settings."""
        self.address = self.project.stack_of(ENVIRONMENT).environment.address

    def serving(self) -> str:
        """Ask the service which version it is."""
        return str(httpx.get(self.address, timeout=10).headers["x-version"])

    def state(self) -> TargetState:
        """Read what exists on the target, past the relay."""

        async def read() -> TargetState:
            access = Access(socket=self.target.socket)
            async with SwarmTarget.connect(self.project.stack_of(ENVIRONMENT), access) as target:
                return await target.read_state()

        return asyncio.run(read())

    def history(self) -> History:
        """Read the ledger."""
        settings = Settings.parse((self.project.folder / FILE).read_text())
        access = RegistryAccess(url=f"http://localhost:{self.registry.port}")

        async def read() -> History:
            async with open_ledger(settings, access, Signatures()) as ledger:
                return await ledger.read()

        return asyncio.run(read())

    def start(self, version: str) -> subprocess.Popen[str]:
        """Start a deploy."""
        arguments = ("--progress=plain", "deploy", f"--env={ENVIRONMENT}", f"--version={version}")
        return self.project.start(*arguments)

    def deploy(self, version: str) -> Any:
        """Deploy, which has to work, and return what the function says."""
        return self.project.ci("deploy", f"--env={ENVIRONMENT}", f"--version={version}", "--json").json


class Deploying:
    """A deploy on its way, which is let run until a moment."""

    def __init__(self, place: Place, version: str) -> None:
        """Begin it."""
        self.place, self.said = place, list[str]()
        self.process = place.start(version)

    def until(self, line: str, nth: int = 1) -> None:
        """Read its progress until a line was there for the nth time."""
        assert self.process.stderr
        for said in self.process.stderr:
            self.said.append(said)
            nth -= line in said
            if not nth:
                return
        raise AssertionError("".join(self.said))

    def kill(self) -> None:
        """Kill the command and its step, as if their machine had lost its power."""
        self.process.kill()
        self.process.communicate(timeout=30)
        for container in self._steps():
            # It may have ended by itself.
            with suppress(subprocess.CalledProcessError):
                docker("kill", container)
        # What it had asked and was held is never heard of.
        self.place.relay.cut()
        self.place.relay.mend()

    def end(self) -> Outcome:
        """Wait for its end."""
        out, err = self.process.communicate(timeout=300)
        return Outcome(self.process.returncode, out, "".join(self.said) + err, 0)

    def _steps(self) -> list[str]:
        """Return the running steps of sessions of this cache."""
        folder = Path(self.place.project.environ["SLIPWAY_CACHE"], "sessions")
        sessions = [path.name for path in folder.iterdir()]
        label = "label=slipway.session="
        return [
            container
            for session in sessions
            for container in docker("ps", "--quiet", "--filter", f"{label}{session}").splitlines()
        ]


def fill(folder: Path) -> None:
    """Leave not a byte on the disk that a folder lies on."""
    with (folder / "filler").open("wb", buffering=0) as file, suppress(OSError):
        while True:
            file.write(bytes(1 << 20))


def a_project(folder: Path, module: Path, environ: Environ, registry: int, socket: Path) -> Project:
    """Make a project with a history in git, whose target is reached by a socket."""
    shutil.copytree(HERE / "service", folder / "service", ignore=shutil.ignore_patterns(".*", "__pycache__"))
    ports = [a_free_port() for _ in range(2)]
    text = SETTINGS.format(name=f"e2e-{uuid.uuid4().hex[:8]}", registry=registry, ports=ports)
    (folder / FILE).write_text(text)
    given = (f"--docker={socket}", f"--registry=tcp://localhost:{registry}")
    return Project(folder, module, environ, given)


def bring_up(place: Place) -> None:
    """Build two versions in dev, and let the first one serve the environment."""
    place.project.git("init", "--quiet", "--initial-branch=main")
    for version in VERSIONS:
        place.project.change("service/src/greeter/answers.py", "GREETING =", f'RELEASE = "{version}"\nGREETING =')
        place.project.commit(version)
        built = place.project.ci("deploy", "--env=dev", "--checkout=.")
        assert built.status == 0, built.err
    pinned = place.project.ci("pin-agent", f"--output={place.project.folder / LOCK}")
    assert pinned.status == 0, pinned.err
    place.deploy(VERSIONS[0])
