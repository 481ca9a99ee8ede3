"""The engine's own tools where no registry gives the image that they usually come from."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from slipway_engine import prune, tools
from slipway_engine.engine import Engine
from slipway_engine.errors import EngineError

NOWHERE = "localhost:1/busybox:1"


@pytest_asyncio.fixture
async def engine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Engine]:
    """An engine with a cache of its own, whose tools no registry gives."""
    monkeypatch.setenv("SLIPWAY_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(tools, "BUSYBOX", NOWHERE)
    async with Engine.open(tmp_path) as engine:
        yield engine
        await prune.prune(engine)


async def test_static_busybox_of_a_step_s_image_stands_in(engine: Engine) -> None:
    image = await engine.pull("busybox:1")
    assert await engine.busybox() == image
    assert (await tools.install(engine)).volume


async def test_dynamic_busybox_does_not_stand_in(engine: Engine) -> None:
    # Alpine's asks for the dynamic linker of Alpine, which a step's image lacks.
    await engine.pull("registry:3")
    with pytest.raises(EngineError, match="localhost:1"):
        await engine.busybox()
