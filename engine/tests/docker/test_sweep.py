"""What sessions leave in Docker, and that old ones cost a new one nothing."""

import asyncio
import os
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from slipway_engine.docker import prune
from slipway_engine.docker.client import Docker
from slipway_engine.engine import Engine
from slipway_engine.errors import ExecFailed
from slipway_engine.model.step import Exec, FolderMount
from slipway_engine.model.tree import Image, Location, Scratch

Calls = list[tuple[str, str]]
LISTS = {"containers/json", "images/json", "volumes", "system/df"}
# Begins a step that never ends, and prints a line when the step runs.
HANG = """
import asyncio, pathlib, sys
from slipway_engine.engine import Engine
from slipway_engine.model.step import Exec, FolderMount
from slipway_engine.model.tree import Image, Location, Scratch
async def main():
    async with Engine.open(pathlib.Path.cwd()) as engine:
        image = Image(await engine.daemon.images.pull("busybox:1"))
        mount = FolderMount("/mnt", Location(Scratch()))
        step = asyncio.create_task(engine.runner.run(Exec(image, ("sleep", sys.argv[1]), mounts=(mount,))))
        label = f"slipway.session={engine.daemon.objects.session}"
        while not any(c["State"] == "running" for c in await engine.daemon.docker.list("containers", label, all=True)):
            await asyncio.sleep(0.05)
        print(engine.daemon.objects.session, flush=True)
        await step
asyncio.run(main())
"""


@pytest_asyncio.fixture
async def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Path]:
    """A folder for sessions, whose cache is emptied in the end."""
    monkeypatch.setenv("SLIPWAY_CACHE", str(tmp_path / "cache"))
    yield tmp_path
    async with Engine.open(tmp_path) as engine:
        await prune.prune(engine.daemon.docker, engine.store)


@contextmanager
def recorded() -> Iterator[Calls]:
    """Record the requests to Docker's daemon."""
    calls: Calls = []
    request = Docker.request

    @asynccontextmanager
    async def record(self: Docker, method: str, path: str, /, **options: Any) -> AsyncIterator[Any]:
        calls.append((method, path))
        async with request(self, method, path, **options) as response:
            yield response

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Docker, "request", record)
        yield calls


async def run(folder: Path, command: str) -> None:
    """Run one step with a folder that it can write to, in a session of its own."""
    async with Engine.open(folder) as engine:
        image = Image(await engine.daemon.images.pull("busybox:1"))
        step = Exec(image, ("sh", "-c", command), mounts=(FolderMount("/mnt", Location(Scratch())),))
        await engine.runner.run(step)


async def leftovers(folder: Path) -> tuple[set[str], set[str], set[str]]:
    """Return the containers, volumes of steps, and images of failed steps of the cache."""
    async with Engine.open(folder) as engine:
        docker, own = engine.daemon.docker, f"slipway.engine={engine.store.name}"
        containers = {each["Id"] for each in await docker.list("containers", own, all=True)}
        volumes = {each["Name"] for each in await docker.list("volumes", own)}
        images = await docker.list("images", own, all=True)
    failed = {image["Id"] for image in images if not image["Labels"]["slipway.step"]}
    return containers, {name for name in volumes if name.startswith("slipway-mount-")}, failed


async def test_old_sessions_cost_a_new_one_nothing(cache: Path) -> None:
    counts = []
    for number in range(8):
        await run(cache, f"echo {number} > /mnt/left")
        with recorded() as calls:
            await run(cache, "echo 0 > /mnt/left")
        assert not [path for _, path in calls if path in LISTS]
        counts.append(len(calls))
    assert len(set(counts)) == 1, counts


async def test_new_step_lists_nothing_either(cache: Path) -> None:
    with recorded() as calls:
        await run(cache, "echo one > /mnt/left")
        with pytest.raises(ExecFailed):
            await run(cache, "exit 3")
    assert not [path for _, path in calls if path in LISTS]
    containers, volumes, failed = await leftovers(cache)
    assert (containers, len(volumes), failed) == (set(), 1, set())


async def test_killed_sessions_are_removed_once_in_three_requests(cache: Path) -> None:
    await run(cache, "echo kept > /mnt/left")
    command = [sys.executable, "-c", HANG]
    killed = [
        subprocess.Popen([*command, seconds], cwd=cache, env=os.environ, stdout=subprocess.PIPE, text=True)
        for seconds in ("601", "602")
    ]
    for process in killed:
        assert process.stdout
        assert await asyncio.to_thread(process.stdout.readline)
    for process in killed:
        process.kill()
        process.communicate()
    with recorded() as calls:
        await run(cache, "echo kept > /mnt/left")
    assert sum(path in LISTS for _, path in calls) == 3
    containers, volumes, failed = await leftovers(cache)
    assert (containers, len(volumes), failed) == (set(), 1, set())
    with recorded() as calls:
        await run(cache, "echo kept > /mnt/left")
    assert not [path for _, path in calls if path in LISTS]


@pytest.mark.parametrize("everything", [False, True])
async def test_prune_says_what_it_freed(cache: Path, everything: bool) -> None:  # noqa: FBT001 - a case of the table
    size = 3_000_000
    for name in ("a", "b"):
        await run(cache, f"dd if=/dev/zero of=/{name} bs={size} count=1; dd if=/dev/zero of=/mnt/x bs={size} count=1")
    async with Engine.open(cache) as engine:
        docker, store = engine.daemon.docker, engine.store
        there = {step.image for step in store.steps_by_use()}
        freed = await prune.prune(docker, store, None if everything else 0)
        left = {step.image for step in store.steps_by_use()}
        assert not left
        assert not [image for image in there if await docker.image(image)]
    # The image of each step and its volume, and little else: the engine's own tools, where a step needed them.
    assert 4 * size <= freed.bytes < 5 * size
    assert (freed.images >= 2, freed.volumes >= 2) == (True, True)


async def test_prune_counts_nothing_that_stays(cache: Path) -> None:
    await run(cache, "dd if=/dev/zero of=/a bs=3000000 count=1")
    async with Engine.open(cache) as engine:
        docker, store = engine.daemon.docker, engine.store
        (image,) = {step.image for step in store.steps_by_use() if step.size >= 3_000_000}
        async with engine.daemon.objects.container({"Image": image, "Cmd": ["-"]}):
            assert (await prune.prune(docker, store, 0)).bytes < 3_000_000
            assert await docker.image(image)
        assert [step.image for step in store.steps_by_use()] == [image]


async def test_limit_counts_no_volumes(cache: Path) -> None:
    with pytest.MonkeyPatch.context() as patch, recorded() as calls:
        patch.setenv("SLIPWAY_CACHE_BYTES", "1MB")
        await run(cache, "dd if=/dev/zero of=/a bs=3000000 count=1; echo x > /mnt/x")
    assert not [path for _, path in calls if path in LISTS]
    assert await leftovers(cache) == (set(), set(), set())


async def test_step_that_the_limit_removed_is_known_when_it_is_made_again(cache: Path) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SLIPWAY_CACHE_BYTES", "1MB")
        assert await evicted(cache, "dd if=/dev/zero of=/a bs=3000000 count=1") == []
    assert await evicted(cache, "dd if=/dev/zero of=/a bs=3000000 count=1") == [3_000_000]
    assert await evicted(cache, "dd if=/dev/zero of=/a bs=3000000 count=1") == []
    assert await evicted(cache, "echo another") == []


async def evicted(folder: Path, command: str) -> list[int]:
    """Run a step, and return the sizes of the steps that were made again since the limit had removed them."""
    async with Engine.open(folder) as engine:
        await engine.runner.run(Exec(Image(await engine.daemon.images.pull("busybox:1")), ("sh", "-c", command)))
        return [size for size in engine.daemon.results.evicted.values() if size]


async def test_volumes_are_counted_while_others_count(cache: Path) -> None:
    await run(cache, "dd if=/dev/zero of=/mnt/x bs=3000000 count=1")
    async with Engine.open(cache) as engine:
        (volume,) = {name for step in engine.store.steps_by_use() for name in step.volumes.values()}
        found = await asyncio.gather(*(engine.daemon.docker.volume_sizes() for _ in range(3)))
    assert [sizes[volume] >= 3_000_000 for sizes in found] == [True] * 3
