"""The agent as tests use it: a home in a folder, an environment on this machine's Swarm, images to deliver there."""

import hashlib
import json
import os
import subprocess
import sys
import tempfile
import uuid
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TypeVar

import httpx

from ci.agent.dispatch import respond
from ci.agent.home import RULES, Home, Rules
from ci.agent.protocol.requests import AnyRequest, Deliver
from ci.agent.protocol.responses import Delivered, Failed, Refused, Response
from ci.delivery.request import DeliveryReport
from ci.ledger.records import Action, BuildDescription
from ci.settings import Settings
from ci.targets.errors import TimedOutError
from ci.targets.stack import Stack
from ci.targets.swarm.removal import remove_stack
from ci.targets.swarm.target import SwarmTarget
from ci.targets.target import TargetState
from tests.machine import a_free_port, docker

SERVICE = Path(__file__).parent / "targets/service"
REGISTRY = "localhost:5000"
SETTINGS = """
[app]
name = "{name}"
dockerfile = "Dockerfile"

[registry]
repository = "{registry}/{name}"

[environments.dev]
kind = "dev"
edge.port = {port}
verify = {{ window = 4, min_requests = 10 }}
health.timeout = 20
"""
# The delivery runs `python -m pytest …` in the test image, where a script of the test's own is called `python`.
TEST_IMAGE = """
FROM busybox:1
ARG SCRIPT
RUN printf '#!/bin/sh\\n%s\\n' "$SCRIPT" >/bin/python && chmod 755 /bin/python
"""
BARE_IMAGE = """
FROM busybox:1 AS files
RUN mkdir /www && echo bare >/www/healthz
FROM scratch
COPY --from=files /bin/busybox /busybox
COPY --from=files /www /www
HEALTHCHECK --interval=1s --retries=1 CMD ["/missing"]
CMD ["/busybox", "httpd", "-f", "-p", "8000", "-h", "/www"]
"""

T = TypeVar("T", bound=Response)


@dataclass(frozen=True)
class Agent:
    """An agent whose rules describe one app with one environment, `dev`."""

    # The folder in which each agent has its home.
    folder: Path
    text: str
    overrides: tuple[str, ...] = ()
    home: Path = field(init=False)

    def __post_init__(self) -> None:
        """Write the rules into a new home."""
        object.__setattr__(self, "home", Path(tempfile.mkdtemp(prefix="home-", dir=self.folder)))
        (self.home / RULES).write_text(Rules(settings=self.settings).model_dump_json())

    @cached_property
    def settings(self) -> Settings:
        """The settings of the rules."""
        return Settings.parse(self.text, self.overrides)

    @cached_property
    def stack(self) -> Stack:
        """The environment's stack."""
        return Stack.of(self.settings, "dev")

    def changed(self, *overrides: str) -> "Agent":
        """Return an agent of the same app and ledger with other settings."""
        return Agent(self.folder, self.text, (*self.overrides, *overrides))

    async def ask(self, expected: type[T], request: AnyRequest) -> T:
        """Send a request, and return its response, which is of the expected kind."""
        response = await respond(Home(self.home), request)
        assert isinstance(response, expected), response
        return response

    async def fail(self, request: AnyRequest) -> Failed:
        """Send a request that fails."""
        return await self.ask(Failed, request)

    async def deliver(self, request: Deliver) -> DeliveryReport:
        """Deliver, and return how that ended."""
        return (await self.ask(Delivered, request)).delivery

    async def deploy(self, version: str, image: str, test_image: str = "") -> DeliveryReport:
        """Deploy an image under a version."""
        return await self.deliver(deploy_request(version, image, test_image))

    async def roll_back(self, version: str) -> DeliveryReport:
        """Roll back to a version."""
        return await self.deliver(delivery("rollback", version))

    async def refuse(self, request: AnyRequest) -> str:
        """Send a request that policy refuses, and return the reasons."""
        return (await self.ask(Refused, request)).message

    def start(self, request: AnyRequest, *words: str) -> subprocess.Popen[str]:
        """Start the program with a request on its standard input."""
        process = subprocess.Popen(
            [sys.executable, "-m", "ci.agent", *(words or request.arguments)],
            env=os.environ | {"SLIPWAY_HOME": str(self.home)},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        assert process.stdin
        process.stdin.write(request.model_dump_json())
        process.stdin.close()
        # So that `communicate` does not flush a closed file.
        process.stdin = None
        return process

    @asynccontextmanager
    async def target(self) -> AsyncIterator[SwarmTarget]:
        """Connect to the target itself."""
        async with SwarmTarget.connect(self.stack) as target:
            yield target

    async def state(self) -> TargetState:
        """Read what exists on the target."""
        async with self.target() as target:
            return await target.read_state()

    def fetch(self, path: str = "/") -> httpx.Response:
        """Fetch a path through the edge, as a user."""
        return httpx.get(f"{self.stack.environment.address}{path}", timeout=10)

    def serving(self) -> str:
        """Return the build of the service that answers users."""
        return str(self.fetch().headers.get("x-build", ""))

    async def remove(self) -> None:
        """Remove the stack and its data."""
        async with self.target() as target:
            try:
                await remove_stack(target.daemon, self.stack)
            except TimedOutError:
                # A container of a killed run may have joined a network meanwhile.
                await remove_stack(target.daemon, self.stack)


def new_agent(folder: Path) -> Agent:
    """Make an agent of a new app, of which nothing exists on the target yet."""
    name = f"test-{uuid.uuid4().hex[:8]}"
    return Agent(folder, SETTINGS.format(name=name, registry=REGISTRY, port=a_free_port()))


def delivery(action: Action, version: str = "", patience: float = 30) -> Deliver:
    """Describe a delivery of a version that was built before."""
    return Deliver(environment="dev", action=action, version=version, patience=patience)


def deploy_request(version: str, image: str, test_image: str = "", patience: float = 30) -> Deliver:
    """Describe a deploy of an image under a version, with the build that becomes the version's."""
    inputs = hashlib.sha256(f"{image} {test_image}".encode()).hexdigest()
    build = BuildDescription(version=version, image=image, test_image=test_image, inputs=inputs)
    return Deliver(environment="dev", version=version, build=build, patience=patience)


@dataclass(frozen=True)
class Images:
    """Images of one repository, built when they are first asked for: their addresses by digest."""

    repository: str
    known: dict[str, str] = field(default_factory=dict)

    def service(self, behaviour: str) -> str:
        """Return the service, built to behave in some way."""
        arguments = ("--build-arg", f"BUILD={behaviour}", str(SERVICE))
        return self._pushed(behaviour, *arguments)

    def bare(self) -> str:
        """Return a service without a shell or a library, as Go and distroless images are; its HEALTHCHECK fails."""
        return self._pushed("bare", "-", text=BARE_IMAGE)

    def tests(self, script: str) -> str:
        """Return a test image in which a shell script stands for the tests."""
        tag = f"tests-{hashlib.sha256(script.encode()).hexdigest()[:12]}"
        return self._pushed(tag, "--build-arg", f"SCRIPT={script}", "-", text=TEST_IMAGE)

    def _pushed(self, tag: str, *arguments: str, text: str | None = None) -> str:
        if tag not in self.known:
            name = f"{self.repository}:{tag}"
            command = ["docker", "build", "--quiet", "--tag", name, *arguments]
            subprocess.run(command, input=text, capture_output=True, text=True, check=True)
            docker("push", "--quiet", name)
            # Another session may have pushed the same image to a repository of its own.
            digests = json.loads(docker("image", "inspect", "--format", "{{json .RepoDigests}}", name))
            (self.known[tag],) = [digest for digest in digests if digest.startswith(f"{self.repository}@")]
        return self.known[tag]


@contextmanager
def new_images() -> Iterator[Images]:
    """Give a repository of the session's own, whose images leave the daemon in the end."""
    images = Images(f"{REGISTRY}/test-{uuid.uuid4().hex[:8]}")
    try:
        yield images
    finally:
        for tag, address in images.known.items():
            docker("image", "rm", "--force", f"{images.repository}:{tag}", address)
