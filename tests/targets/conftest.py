"""A real Swarm, a real registry, and a service that is built in several ways."""

import asyncio
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import pytest

from tests.agents import Agent, Images, new_agent, new_images
from tests.machine import ensure_swarm
from tests.users import browsers

Traffic = Callable[[Agent], AbstractContextManager[Counter[str]]]


@contextmanager
def removed_agent(folder: Path) -> Iterator[Agent]:
    """Make an agent, and remove its stack in the end."""
    made = new_agent(folder)
    try:
        yield made
    finally:
        asyncio.run(made.remove())


@pytest.fixture(scope="session", autouse=True)
def swarm() -> None:
    """Swarm mode, as the set-up would turn it on."""
    ensure_swarm()


@pytest.fixture
def agent(tmp_path: Path) -> Iterator[Agent]:
    """An agent of the test's own: nothing of its stack exists yet."""
    with removed_agent(tmp_path) as made:
        yield made


@pytest.fixture(scope="module")
def serving(images: Images, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Agent]:
    """An agent in whose environment the build `one` serves as version `one`; tests leave it so."""
    with removed_agent(tmp_path_factory.mktemp("agent")) as made:
        report = asyncio.run(made.deploy("one", images.service("one")))
        assert report.ok, report
        yield made


@pytest.fixture(scope="session")
def images() -> Iterator[Images]:
    """The images of this session."""
    with new_images() as made:
        yield made


@pytest.fixture
def traffic() -> Traffic:
    """Four users ask one thing after another while the body runs; answers are counted by status and build."""
    return lambda agent: browsers(agent.stack.environment.address, "x-build", ("/", "/", "/version", "/version"))
