"""A real Swarm, a real registry, and a service that is built in several ways."""

import asyncio
import uuid
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import pytest

from ci.settings import Settings
from ci.targets import protocol as p
from ci.targets.__main__ import answer
from tests.machine import a_free_port, docker, ensure_swarm
from tests.users import browsers

SERVICE = Path(__file__).parent / "service"
SETTINGS = """
[app]
name = "{name}"
dockerfile = "Dockerfile"

[registry]
repository = "localhost:5000/{name}"

[environments.dev]
kind = "dev"
edge.port = {port}
verify = {{ window = 4, min_requests = 10 }}
health.timeout = 20
"""

Image = Callable[[str], str]
Traffic = Callable[[p.Stack], AbstractContextManager[Counter[str]]]


@contextmanager
def a_stack(*overrides: str) -> Iterator[p.Stack]:
    text = SETTINGS.format(name=f"test-{uuid.uuid4().hex[:8]}", port=a_free_port())
    stack = p.Stack.of(Settings.parse(text, overrides), "dev")
    yield stack
    removed = asyncio.run(answer(p.Remove(stack=stack)))
    assert removed.ok, removed


@pytest.fixture(scope="session", autouse=True)
def swarm() -> None:
    """Swarm mode, as the set-up would turn it on."""
    ensure_swarm()


@pytest.fixture
def stack() -> Iterator[p.Stack]:
    """A stack of the test's own, of which nothing is there yet."""
    with a_stack() as made:
        yield made


@pytest.fixture(scope="module")
def standing(image: Image) -> Iterator[p.Stack]:
    """A stack in which the build `one` serves; tests leave it so."""
    with a_stack() as made:
        started = asyncio.run(answer(p.Candidate(stack=made, image=image("one"), version="one")))
        assert isinstance(started, p.Started)
        for request in (p.Switch(stack=made, release=started.release), p.Retire(stack=made)):
            outcome = asyncio.run(answer(request))
            assert outcome.ok, outcome
        yield made


@pytest.fixture(scope="session")
def image() -> Iterator[Image]:
    """The service, built to behave in some way and pushed: its address by digest."""
    repository, known = f"localhost:5000/test-{uuid.uuid4().hex[:8]}", dict[str, str]()

    def build(behaviour: str) -> str:
        if behaviour not in known:
            tag = f"{repository}:{behaviour}"
            docker("build", "--quiet", "--build-arg", f"BUILD={behaviour}", "--tag", tag, str(SERVICE))
            docker("push", "--quiet", tag)
            known[behaviour] = docker("image", "inspect", "--format", "{{index .RepoDigests 0}}", tag)
        return known[behaviour]

    yield build
    for behaviour, address in known.items():
        docker("image", "rm", "--force", f"{repository}:{behaviour}", address)


@pytest.fixture
def traffic() -> Traffic:
    """Users: four of them ask one thing after another while the body runs; what came is counted by status and build."""
    return lambda stack: browsers(stack.environment.address, "x-build", ("/", "/", "/version", "/version"))
