"""What is run again and what is not, and volumes that outlive steps."""

from collections.abc import Callable

import anyio
import dagger
import pytest
from dagger import dag

C = dagger.Container
NONCE = ["cat", "/proc/sys/kernel/random/uuid"]


async def test_the_same_step_runs_once(base: C) -> None:
    assert await base.with_exec(NONCE).stdout() == await base.with_exec(NONCE).stdout()


async def test_the_same_step_at_once_runs_once(base: C, unique: Callable[[], str]) -> None:
    outputs: list[str] = []
    step = base.with_env_variable("STEP", unique())

    async def run() -> None:
        outputs.append(await step.with_exec(["sh", "-c", "sleep 1; cat /proc/sys/kernel/random/uuid"]).stdout())

    async with anyio.create_task_group() as group:
        for _ in range(4):
            group.start_soon(run)
    assert len(set(outputs)) == 1


@pytest.mark.parametrize(
    "change",
    [
        lambda c: c.with_env_variable("X", "1"),
        lambda c: c.with_user("1000"),
        lambda c: c.with_workdir("/elsewhere"),
        lambda c: c.with_new_file("/input", "1"),
        lambda c: c.with_mounted_file("/input", dag.file("x", "1")),
        lambda c: c.with_mounted_directory("/input", dag.directory().with_new_file("x", "1")),
        lambda c: c.with_mounted_temp("/input"),
    ],
    ids=["variable", "user", "workdir", "file", "mounted-file", "mounted-directory", "temp"],
)
async def test_what_a_step_depends_on_runs_it_again(base: C, change: Callable[[C], C]) -> None:
    assert await base.with_exec(NONCE).stdout() != await base.with_(change).with_exec(NONCE).stdout()


async def test_volatile_variables_do_not_run_a_step_again(base: C, unique: Callable[[], str]) -> None:
    first = await base.with_volatile_variable("V", unique()).with_exec(NONCE).stdout()
    assert await base.with_volatile_variable("V", unique()).with_exec(NONCE).stdout() == first


async def test_cache_volume_is_shared_by_steps(base: C, unique: Callable[[], str]) -> None:
    container = base.with_mounted_cache("/cache", dag.cache_volume(unique()))
    await container.with_exec(["sh", "-c", "echo kept > /cache/x"]).sync()
    assert await container.with_exec(["cat", "/cache/x"]).stdout() == "kept\n"


async def test_cache_volumes_of_other_keys_are_apart(base: C, unique: Callable[[], str]) -> None:
    one, two = (base.with_mounted_cache("/cache", dag.cache_volume(unique())) for _ in range(2))
    await one.with_exec(["touch", "/cache/x"]).sync()
    assert await two.with_exec(["ls", "/cache"]).stdout() == ""


async def test_cache_volume_starts_with_a_source(base: C, tree: dagger.Directory, unique: Callable[[], str]) -> None:
    container = base.with_mounted_cache("/cache", dag.cache_volume(unique()), source=tree)
    assert await container.with_exec(["ls", "/cache"]).stdout() == "a.txt\nb.md\nsub\n"


async def test_cache_volume_takes_an_owner(base: C, unique: Callable[[], str]) -> None:
    container = base.with_user("1000").with_mounted_cache("/cache", dag.cache_volume(unique()), owner="1000:1000")
    assert await container.with_exec(["sh", "-c", "touch /cache/x; stat -c %u /cache"]).stdout() == "1000\n"


async def test_locked_cache_volume_is_used_by_one_step_at_a_time(base: C, unique: Callable[[], str]) -> None:
    locked = dagger.CacheSharingMode.LOCKED
    container = base.with_mounted_cache("/cache", dag.cache_volume(unique()), sharing=locked)
    script = "mkdir /cache/lock && sleep 0.5 && rmdir /cache/lock"
    async with anyio.create_task_group() as group:
        for step in ("1", "2", "3"):
            group.start_soon(container.with_env_variable("STEP", step).with_exec(["sh", "-c", script]).sync)


async def test_cache_volume_content_is_no_input(base: C, unique: Callable[[], str]) -> None:
    container = base.with_mounted_cache("/cache", dag.cache_volume(unique()))
    first = await container.with_exec(NONCE).stdout()
    await container.with_exec(["touch", "/cache/x"]).sync()
    assert await container.with_exec(NONCE).stdout() == first
