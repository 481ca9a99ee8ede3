"""What the steps that run at the same time have of the machine."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from slipway_engine.docker.prune import SESSION_LABEL
from slipway_engine.engine import Engine
from slipway_engine.model.step import AfterExec, Exec
from slipway_engine.model.tree import Image


@pytest_asyncio.fixture
async def engine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Engine]:
    monkeypatch.setenv("SLIPWAY_CACHE", str(tmp_path / "cache"))
    async with Engine.open(tmp_path) as engine:
        yield engine


async def shares(engine: Engine, command: str) -> int:
    """Wait for a step's container and return its share of the processors."""
    docker = engine.daemon.docker
    while True:
        for each in await docker.list("containers", f"{SESSION_LABEL}={engine.daemon.objects.session}"):
            if each["Command"] == command:
                return int((await docker.inspect(each["Id"]))["HostConfig"]["CpuShares"])
        await asyncio.sleep(0.05)


async def test_first_requested_step_has_four_times_the_share_of_the_next(engine: Engine) -> None:
    image = Image(await engine.daemon.images.pull("busybox:1"))
    # Its second step waits for the first, and so takes nothing from those that run.
    chain = Exec(AfterExec(Exec(image, ("sleep", "61"))), ("sleep", "62"))
    asked = {"61": chain, "63": Exec(image, ("sleep", "63")), "64": Exec(image, ("sleep", "64"))}
    found, running = [], []
    async with asyncio.timeout(50):
        for seconds, step in asked.items():
            running.append(asyncio.create_task(engine.runner.run(step)))
            found.append(await shares(engine, f"sleep {seconds}"))
    for task in running:
        task.cancel()
    await asyncio.gather(*running, return_exceptions=True)
    assert found[0] == 4 * found[1] == 16 * found[2]
