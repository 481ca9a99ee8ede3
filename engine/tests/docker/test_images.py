"""Images, and the program that the engine takes from them."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from slipway_engine.docker import images
from slipway_engine.docker.prune import prune
from slipway_engine.engine import Engine
from slipway_engine.errors import EngineError

UNREACHABLE = "localhost:1/busybox:1"


@pytest_asyncio.fixture
async def engine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Engine]:
    """An engine with a cache of its own, for whose tools no registry has an image."""
    monkeypatch.setenv("SLIPWAY_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(images, "BUSYBOX", UNREACHABLE)
    async with Engine.open(tmp_path) as engine:
        yield engine
        await prune(engine.daemon.docker, engine.store)


async def test_static_busybox_of_a_steps_image_replaces_busybox_1(engine: Engine) -> None:
    image = await engine.daemon.images.pull("busybox:1")
    assert await engine.daemon.images.busybox() == image
    assert (await engine.daemon.tools.get()).volume


async def test_image_without_a_static_busybox_replaces_nothing(engine: Engine) -> None:
    await engine.daemon.images.pull("python:3.13-slim")
    with pytest.raises(EngineError, match="localhost:1"):
        await engine.daemon.images.busybox()
