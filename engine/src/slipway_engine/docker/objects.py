"""One session's objects in Docker: labelled, so that a later session finds what a killed one left."""

import asyncio
import contextlib
import secrets
import uuid
from collections import defaultdict
from collections.abc import AsyncIterator, Iterable
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
        # What is this session's only, besides its containers; and whether there may be more that Docker alone knows.
        self._images: set[str] = set()
        self._volumes: set[str] = set()
        self._unsure = False
        self._alive = contextlib.AsyncExitStack()  # marks this session as alive

    def labels(self, *, step: str) -> dict[str, str]:
        """Return the labels of an object that stays: what a step left (empty: of no step).

        Each is always there: what a commit does not set, its image has from the container and the image below.
        """
        return self._labels(step=step)

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
            identifier = await self._docker.create(config | {"Labels": self._labels(session=self.session)})
        except BaseException:
            self._unsure = True  # Docker may have created it nevertheless, as after Ctrl-C
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

    async def make_volume(self) -> str:
        """Make a volume that is removed when the session ends, unless a stored step needs it."""
        name = f"slipway-mount-{uuid.uuid4().hex}"
        self._volumes.add(name)
        await self._docker.create_volume(name, self._labels(session=self.session))
        return name

    def keep_volumes(self, names: Iterable[str]) -> None:
        """Keep volumes, since a stored step needs them."""
        self._volumes.difference_update(names)

    async def commit_failed(self, container: str) -> str:
        """Make an image of what a failed step left, for a shell in it; it is removed when the session ends."""
        try:
            image = await self._docker.commit(container, self._labels(session=self.session))
        except BaseException:
            self._unsure = True
            raise
        self._images.add(image)
        return image

    async def release(self) -> None:
        """Begin to remove the containers that the session kept."""
        await self._stack.aclose()

    async def close(self) -> None:
        """Remove all that is this session's only, and of the cache what is over its limit.

        What cannot be removed now, a later session removes.
        """
        await asyncio.gather(*self._removals, return_exceptions=True)
        with contextlib.suppress(EngineError):
            async with self._alive:
                await self._remove_own()
        if self._used:
            with contextlib.suppress(EngineError):
                await keep_limit(self._docker, self._store, self._limit)

    async def _remove_own(self) -> None:
        if self._unsure:
            await sweep(self._docker, self._store, [self.session])
        for image in self._images:
            # What a failed step began with is another step's, and must not have to be made again.
            await self._docker.remove_image(image, keep_parents=True)
        for volume in self._volumes:
            await self._docker.remove_volume(volume)

    def _labels(self, *, session: str = "", step: str = "") -> dict[str, str]:
        return {OWN_LABEL: self._store.name, SESSION_LABEL: session, STEP_LABEL: step}

    async def _begin(self) -> None:
        """Before the first use of Docker, mark this session as alive and remove what dead ones left."""
        if self._used:
            return
        self._used = True
        await self._alive.enter_async_context(self._store.session(self.session))
        await sweep_dead(self._docker, self._store)
