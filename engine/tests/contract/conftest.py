"""One engine a run, and dagger-io's own client talking to it."""

import contextlib
import os
import shutil
import uuid
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import dagger
import pytest
import pytest_asyncio
from dagger import dag

from slipway_engine.api.server import serve
from slipway_engine.docker import prune
from slipway_engine.engine import Engine

HERE = Path(__file__).parent


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Run every case on one event loop: the client's shared connection belongs to the loop that opened it."""
    for item in items:
        if item.path.is_relative_to(HERE):
            item.add_marker(pytest.mark.asyncio(loop_scope="session"), append=False)


@pytest_asyncio.fixture(scope="session", loop_scope="session", autouse=True)
async def connection(pytestconfig: pytest.Config, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[None]:
    """Connect the client to the engine that was asked for."""
    local = pytestconfig.getoption("--engine") == "local"
    engine = _local(tmp_path_factory.mktemp("cache")) if local else _dagger()
    async with engine, dagger.connection(dagger.Config(retry=None)):
        yield


@contextlib.asynccontextmanager
async def _local(cache: Path) -> AsyncIterator[None]:
    """Serve an engine with a cache of its own, so that an earlier run's answers hide nothing; all of it goes again."""
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("SLIPWAY_CACHE", str(cache))
        async with serve(workdir=Path.cwd()) as endpoint:
            for name, value in endpoint.environ.items():
                environment.setenv(name, value)
            yield
        async with Engine.open(Path.cwd()) as engine:
            await prune.prune(engine.daemon.docker, engine.store)


@contextlib.asynccontextmanager
async def _dagger() -> AsyncIterator[None]:
    """Use the session that `dagger run` made, or let the client start one with the installed command."""
    if "DAGGER_SESSION_PORT" not in os.environ and (command := shutil.which("dagger")):
        os.environ.setdefault("_EXPERIMENTAL_DAGGER_CLI_BIN", command)
    yield


@pytest.fixture
def local(pytestconfig: pytest.Config) -> bool:
    """Whether the case runs on the local engine."""
    return bool(pytestconfig.getoption("--engine") == "local")


@pytest.fixture(scope="session")
def run_id() -> str:
    """A text that no earlier run used, so that no step of this one was cached by it."""
    return uuid.uuid4().hex


@pytest.fixture
def unique() -> Callable[[], str]:
    """Make texts that nothing used before."""
    return lambda: uuid.uuid4().hex


@pytest.fixture
def base(run_id: str) -> dagger.Container:
    """A small container whose steps run afresh in each run."""
    return dag.container().from_("busybox:1").with_env_variable("RUN", run_id)


@pytest.fixture
def tree() -> dagger.Directory:
    """A small folder: a.txt, b.md, sub/c.txt, sub/deep/d.md."""
    return (
        dag.directory()
        .with_new_file("a.txt", "a")
        .with_new_file("b.md", "b")
        .with_new_file("sub/c.txt", "c")
        .with_new_file("sub/deep/d.md", "d")
    )
