"""Each test of this folder runs twice: on a target in memory, on virtual time, and on a real Swarm."""

import asyncio
import uuid
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from dataclasses import dataclass
from hashlib import sha256

import pytest

from ci.settings import Settings
from ci.targets.access import Access, reach
from ci.targets.stack import Stack
from ci.targets.swarm.removal import remove_stack
from ci.targets.swarm.target import SwarmTarget
from ci.targets.target import ReleaseDescription, Target
from tests.machine import a_free_port, ensure_swarm
from tests.targets.memory import Behaviour, MemoryStack, MemoryTarget
from tests.virtual_time import VirtualLoop

SETTINGS = """
[app]
name = "{name}"
dockerfile = "Dockerfile"
[registry]
repository = "localhost:5000/{name}"
[environments.dev]
kind = "dev"
edge.port = {port}
replicas = 1
verify = {{ window = 4, min_requests = 10 }}
health.timeout = 15
stop_grace = 1
"""
# What the builds of tests/targets/service do.
BEHAVIOURS: Mapping[str, Behaviour] = {
    "one": Behaviour(),
    "two": Behaviour(),
    # Half of the requests go to a page that fails.
    "bad": Behaviour(errors=0.5),
    "sick": Behaviour(healthy_from=1e9),
    "crash": Behaviour(crashes=True),
}
# An image that no registry has.
MISSING = f"localhost:5000/slipway-test/missing@sha256:{'0' * 64}"
SLOW_ON_SWARM = (
    "test_lock_of_a_silent_run_is_taken_over",
    "test_release_that_is_sick_is_not_healthy_in_time",
    "test_release_that_crashes_is_not_healthy",
    "test_examined_release_shows_how_its_replicas_ended",
)
Image = Callable[[str], str]


@dataclass
class Subject:
    """A target under test, its images, and further connections to it."""

    target: Target
    image: Image
    connect: Callable[[], Target]

    def release(self, build: str) -> ReleaseDescription:
        """Describe a release of a build of the service."""
        return ReleaseDescription(image=self.image(build), version=build)

    async def start(self, build: str) -> str:
        """Start a release, and return its name."""
        wanted = self.release(build)
        candidate = await self.target.prepare_candidate(wanted)
        health = await self.target.start_release(wanted)
        assert health.ok, health
        return candidate.release

    async def serve(self, build: str) -> str:
        """Start a release, let it serve as the only one, and return its name."""
        release = await self.start(build)
        await self.target.route(release)
        await self.target.record_routing(current=release, previous="", stable=release)
        await self.target.retire()
        return release


def pytest_asyncio_loop_factories() -> dict[str, Callable[[], asyncio.AbstractEventLoop]]:
    """Run each test on both kinds of loop; the kind of loop decides on the kind of target."""
    return {"memory": VirtualLoop, "swarm": asyncio.new_event_loop}


def make_stack(*overrides: str) -> Stack:
    """Return a stack of a name and a port of its own."""
    text = SETTINGS.format(name=f"test-{uuid.uuid4().hex[:8]}", port=a_free_port())
    return Stack.of(Settings.parse(text, overrides), "dev")


def memory_image(build: str) -> str:
    """Return the digest of a build that exists in memory alone."""
    return f"localhost:5000/memory@sha256:{sha256(build.encode()).hexdigest()}"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Leave what takes long on Swarm to the full run; in memory everything is quick."""
    for item in items:
        if any(item.name == f"{name}[swarm]" for name in SLOW_ON_SWARM):
            item.add_marker(pytest.mark.full)


@pytest.fixture(scope="module")
def swarm_stack() -> Iterator[Stack]:
    """One stack for a module's tests on Swarm."""
    stack = make_stack()
    ensure_swarm()
    yield stack
    asyncio.run(_remove(stack))


@pytest.fixture
async def subject(request: pytest.FixtureRequest) -> AsyncIterator[Subject]:
    """A target on which nothing is locked, no intent is left, and which may hold releases of the tests before."""
    if isinstance(asyncio.get_running_loop(), VirtualLoop):
        behaviours = {memory_image(build): found for build, found in BEHAVIOURS.items()}
        behaviours[MISSING] = Behaviour(exists=False)
        memory = MemoryStack(make_stack(), behaviours)
        yield Subject(MemoryTarget(memory), memory_image, lambda: MemoryTarget(memory))
        return
    stack, image = request.getfixturevalue("swarm_stack"), request.getfixturevalue("images").service
    async with SwarmTarget.connect(stack) as target:
        yield Subject(target, image, lambda: SwarmTarget(target.daemon, stack, target.login))
        await target.release_lock(force=True)
        await target.clear_intent()


async def _remove(stack: Stack) -> None:
    async with reach(stack.environment, Access()) as daemon:
        await remove_stack(daemon, stack)
