"""Removing what the engine stored in Docker: by its own limit, on demand, and when a session ends."""

from collections.abc import Collection
from dataclasses import dataclass

from slipway_engine.docker.client import Docker, Json
from slipway_engine.store.database import Store, StoredStep

OWN_LABEL, SESSION_LABEL, STEP_LABEL = "slipway.engine", "slipway.session", "slipway.step"
EVICTED = "evicted"  # of the facts in the store: the bytes of steps that the limit removed, by their digests
EVICTED_SECONDS = 30 * 24 * 3600.0  # how long this is remembered


@dataclass
class Freed:
    """What was removed."""

    bytes: int = 0
    images: int = 0
    volumes: int = 0
    uncounted: int = 0  # volumes whose bytes Docker could not count


async def keep_limit(docker: Docker, store: Store, limit: int) -> None:
    """Remove the least recently used steps until the rest fits the limit, and remember which."""
    if store.bytes_of_steps() > limit:
        store.drop_expired()
        for step in await _shrink(_Remover(docker, store, {}), store, limit):
            store.put_json(EVICTED, step.digest, step.size, EVICTED_SECONDS)


async def prune(docker: Docker, store: Store, max_bytes: int | None = None) -> Freed:
    """Remove stored steps until at most `max_bytes` are left; without a number, remove everything, caches too.

    What a running session uses stays.
    """
    remover = _Remover(docker, store)
    await _shrink(remover, store, max_bytes or 0)
    if max_bytes is None:
        await remover.remove_all()
        store.clear()
    return remover.freed


async def sweep_dead(docker: Docker, store: Store) -> None:
    """Remove what sessions left that were killed; what others left is not looked at, however much there is."""
    with store.dead_sessions() as dead:
        if dead:
            await sweep(docker, store, dead)


async def sweep(docker: Docker, store: Store, sessions: Collection[str]) -> None:
    """Remove sessions' containers, the images of their failed steps, and volumes that no stored step needs."""
    own = f"{OWN_LABEL}={store.name}"
    for container in await docker.list("containers", own, all=True):
        if _session(container) in sessions:
            await docker.remove(container["Id"])
    for image in await docker.list("images", own):
        if _session(image) in sessions:
            # What a failed step began with is another step's, and must not have to be made again.
            await docker.remove_image(image["Id"], keep_parents=True)
    kept = {volume for step in store.steps_by_use() for volume in step.volumes.values()}
    for volume in await docker.list("volumes", own):
        if _session(volume) in sessions and volume["Name"] not in kept:
            await docker.remove_volume(volume["Name"])


class _Remover:
    """Removes images and volumes, and counts what really goes.

    Docker counts the bytes of volumes where no `volume_sizes` are given, which takes seconds.
    """

    def __init__(self, docker: Docker, store: Store, volume_sizes: dict[str, int] | None = None) -> None:
        self._docker, self._own = docker, f"{OWN_LABEL}={store.name}"
        self._image_sizes = {step.image: step.size for step in store.steps_by_use()}
        self._volume_sizes = volume_sizes
        self._gone: set[str] = set()
        self.freed = Freed()

    async def remove_image(self, image: str) -> bool:
        """Remove an image, and return whether it is gone."""
        # With an image go those below it that nothing else needs.
        for gone in set(await self._docker.remove_image(image)) - self._gone:
            self._gone.add(gone)
            if gone in self._image_sizes:
                self.freed.images += 1
                self.freed.bytes += self._image_sizes[gone]
        return image in self._gone or await self._docker.image(image) is None

    async def remove_volume(self, name: str) -> None:
        """Remove a volume."""
        if self._volume_sizes is None:
            self._volume_sizes = await self._docker.volume_sizes()
        if await self._docker.remove_volume(name):
            self.freed.volumes += 1
            self.freed.bytes += self._volume_sizes.get(name, 0)
            self.freed.uncounted += name not in self._volume_sizes

    async def remove_all(self) -> None:
        """Remove all images and volumes of the store, also those that no step knows."""
        sizes = await self._docker.image_sizes()
        images = await self._docker.list("images", self._own, all=True)
        self._image_sizes |= {image["Id"]: image["Size"] - sizes.get(image["ParentId"], 0) for image in images}
        for image in images:
            await self.remove_image(image["Id"])
        for volume in await self._docker.list("volumes", self._own):
            await self.remove_volume(volume["Name"])


async def _shrink(remover: _Remover, store: Store, max_bytes: int) -> list[StoredStep]:
    """Remove the least recently used steps until at most `max_bytes` are left, and return those that are gone."""
    left, gone = store.bytes_of_steps(), []
    for step in store.steps_by_use():
        if left <= max_bytes:
            break
        if await remover.remove_image(step.image):
            for volume in step.volumes.values():
                await remover.remove_volume(volume)
            store.drop_step(step.digest)
            left -= step.size
            gone.append(step)
    return gone


def _session(labelled: Json) -> str:
    return str((labelled["Labels"] or {}).get(SESSION_LABEL, ""))
