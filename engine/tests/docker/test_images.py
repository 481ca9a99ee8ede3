"""The image with the engine's own tools, where no registry gives the usual one."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from slipway_engine.docker import images, prune
from slipway_engine.engine import Engine
from slipway_engine.errors import EngineError


@pytest_asyncio.fixture
async def engine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Engine]:
    """An engine with a cache of its own, whose tools no registry gives."""
    monkeypatch.setenv("SLIPWAY_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(images, "BUSYBOX", "localhost:1/busybox:1")
    async with Engine.open(tmp_path) as engine:
        yield engine
        await prune.prune(engine.daemon.docker, engine.store)


async def test_static_busybox_of_a_step_s_image_stands_in(engine: Engine) -> None:
    image = await engine.daemon.images.pull("busybox:1")
    assert await engine.daemon.images.busybox() == image
    assert (await engine.daemon.tools.get()).volume


async def test_dynamic_busybox_does_not_stand_in(engine: Engine) -> None:
    # Alpine's needs the dynamic linker of Alpine, which a step's image lacks.
    await engine.daemon.images.pull("registry:3")
    with pytest.raises(EngineError, match="localhost:1"):
        await engine.daemon.images.busybox()
