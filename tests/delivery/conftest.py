"""Every async test of this folder runs on virtual time, in a world of its own."""

import asyncio
from collections.abc import Callable

import pytest

from tests.delivery.world import World
from tests.virtual_time import VirtualLoop


def pytest_asyncio_loop_factories() -> dict[str, Callable[[], asyncio.AbstractEventLoop]]:
    """Run each test on virtual time."""
    return {"virtual": VirtualLoop}


@pytest.fixture
def world() -> World:
    """Two environments in which nothing happened yet."""
    return World()
