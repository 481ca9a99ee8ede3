"""One session's objects in Docker: labelled, so that a later session finds what a killed one left."""

import asyncio
import contextlib
import secrets
from collections import defaultdict
from collections.abc import AsyncIterator
from typing import Any

from slipway_engine.docker.client import Docker
from slipway_engine.docker.prune import OWN_LABEL, SESSION_LABEL, STEP_LABEL, keep_limit, sweep, sweep_dead
from slipway_engine.errors import EngineError
from slipway_engine.store.database import Store


class Objects:
    """Makes containers that end with the session, and keeps others from the same work."""

    def __init__(self, docker: Docker, store: Store, limit: int) -> None:
        """Start with none, and keep the cache within `limit` bytes; Docker is not called before the first object."""
        self._docker, self._store, self._limit = docker, store, limit
        self.session = f"{store.name}-{secrets.token_hex(8)}"
        self._locks: dict[str, asyncio.Lock] = defaultdict(asyncio.Lock)
        self._stack = contextlib.AsyncExitStack()
        self._removals: set[asyncio.Task[None]] = set()
        self._used = False
        self._leaves = False  # whether there may be something of this session only that `_removals` does not hold

    def labels(self, *, session: bool = False, step: str = "") -> dict[str, str]:
        """Return the labels of an object: of this session only, or what a step left.

        Each is always there: what a commit does not set, its image has from the container and the image below.
        """
        self._leaves |= session
        return self._labels(session=session, step=step)

    @contextlib.asynccontextmanager
    async def once(self, name: str, *, shared: bool = True) -> AsyncIterator[None]:
        """Keep others from the same work: in this session, and in other processes where it is `shared`."""
        async with self._locks[name]:
            await self._begin()
            if shared:
                async with self._store.lock(name):
                    yield
            else:
                yield

    @contextlib.asynccontextmanager
    async def container(self, config: dict[str, Any]) -> AsyncIterator[str]:
        """Create a container that is removed when the block ends."""
        await self._begin()
        try:
            identifier = await self._docker.create(config | {"Labels": self._labels(session=True)})
        except BaseException:
            self._leaves = True  # Docker may have created it nevertheless, as after Ctrl-C
            raise
        try:
            yield identifier
        finally:
            # Only the end of the session waits for the removal.
            task = asyncio.create_task(self._docker.remove(identifier))
            self._removals.add(task)
            task.add_done_callback(self._removals.discard)

    async def keep_container(self, config: dict[str, Any]) -> str:
        """Create a container that is removed when the session ends."""
        return await self._stack.enter_async_context(self.container(config))

    async def release(self) -> None:
        """Begin to remove the containers that the session kept, and give up the session's lock."""
        await self._stack.aclose()

    async def close(self) -> None:
        """Remove all that is this session's only, and of the cache what is over its limit."""
        await asyncio.gather(*self._removals, return_exceptions=True)
        if self._used:
            with contextlib.suppress(EngineError):
                if self._leaves:
                    await sweep(self._docker, self._store, self.session)
                await keep_limit(self._docker, self._store, self._limit)

    def _labels(self, *, session: bool, step: str = "") -> dict[str, str]:
        return {OWN_LABEL: self._store.name, SESSION_LABEL: self.session if session else "", STEP_LABEL: step}

    async def _begin(self) -> None:
        """Before the first use of Docker, mark this session as alive and remove what dead ones left."""
        if self._used:
            return
        self._used = True
        await self._stack.enter_async_context(self._store.lock(f"session-{self.session}"))
        await sweep_dead(self._docker, self._store, self.session)
