"""The engine: builds the parts of one session, and takes them down. Docker is called only when it is needed."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

from slipway_engine.docker.daemon import Daemon
from slipway_engine.environment import Environment
from slipway_engine.events import Events
from slipway_engine.execution.memory import Memory
from slipway_engine.execution.preparation import Preparer
from slipway_engine.execution.runner import Runner
from slipway_engine.execution.services import Services
from slipway_engine.execution.shares import Shares
from slipway_engine.execution.terminal import Terminals
from slipway_engine.execution.volumes import Volumes
from slipway_engine.model.step import Exec
from slipway_engine.store.database import Step, Store
from slipway_engine.store.secrets import Secrets
from slipway_engine.store.values import Values
from slipway_engine.trees.keys import Keys
from slipway_engine.trees.trees import Trees
from slipway_engine.trees.uploads import Uploads


@dataclass(frozen=True)
class Engine:
    """The parts of one session that the API, modules and commands work with."""

    workdir: Path
    environment: Environment
    store: Store
    values: Values
    secrets: Secrets
    events: Events
    daemon: Daemon
    uploads: Uploads
    keys: Keys
    trees: Trees
    runner: Runner
    services: Services
    terminals: Terminals
    memory: Memory

    @classmethod
    @contextlib.asynccontextmanager
    async def open(cls, workdir: Path) -> AsyncIterator["Engine"]:
        """Open an engine; when the block ends, nothing of the session is left but its cache."""
        environment = Environment.read()
        engine = _build(workdir, environment, Store(environment.cache))
        try:
            try:
                yield engine
                await engine.uploads.settle()
                await engine.services.close()
            finally:
                await engine.daemon.objects.release()
        finally:
            await asyncio.shield(_close(engine))


async def _close(engine: Engine) -> None:
    await engine.uploads.abandon()
    await engine.services.close()
    await engine.daemon.close()
    engine.memory.remove()
    engine.store.close()


def _build(workdir: Path, environment: Environment, store: Store) -> Engine:
    secrets = Secrets(store)
    events = Events(secrets.shown, secrets.unfinished)
    daemon = Daemon.connect(environment, store, events)
    uploads = Uploads(daemon, store, events)
    keys = Keys(uploads, secrets)

    # A step starts from a tree, and a tree may be what a step leaves: the one circle, closed here.
    async def run(step: Exec) -> Step:
        return await runner.run(step)

    trees = Trees(daemon, uploads, keys, secrets, events, run)
    memory = Memory(daemon.objects.session, store.folder)
    preparer = Preparer(daemon, trees, secrets, Volumes(daemon, trees, keys, store), memory)
    services, shares = Services(daemon, keys, secrets, events, preparer), Shares()
    runner = Runner(daemon, keys, secrets, events, preparer, services.bind, shares)
    terminals = Terminals(daemon, trees, events, preparer, services.bind, shares)
    values = Values(store)
    return Engine(
        workdir,
        environment,
        store,
        values,
        secrets,
        events,
        daemon,
        uploads,
        keys,
        trees,
        runner,
        services,
        terminals,
        memory,
    )
