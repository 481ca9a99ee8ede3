"""Results of steps: the store remembers them, Docker holds their images and volumes."""

from slipway_engine.docker.client import Docker
from slipway_engine.docker.images import Images
from slipway_engine.docker.objects import Objects
from slipway_engine.docker.prune import EVICTED
from slipway_engine.store.database import Step, Store


class Results:
    """What steps left that ran in this or in earlier sessions."""

    def __init__(self, docker: Docker, objects: Objects, images: Images, store: Store) -> None:
        """Keep them in a store."""
        self._docker, self._objects, self._images, self._store = docker, objects, images, store
        self.evicted: dict[str, int] = {}  # steps that this session makes again, since the limit removed them: bytes

    async def find(self, digest: str) -> Step | None:
        """Return what a step left if all of it is still there."""
        step = self._store.get_step(digest)
        if step is None:
            size = self._store.get_json(EVICTED, digest)
            if size is not None:
                self.evicted[digest] = int(size)
            return None
        there = await self._docker.image(step.image) is not None
        for volume in step.volumes.values():
            there = there and await self._docker.volume_exists(volume)
        if not there:
            self._store.drop_step(digest)
            await self._docker.remove_image(step.image)
            for volume in step.volumes.values():
                await self._docker.remove_volume(volume)
        return step if there else None

    async def keep(self, digest: str, image: str) -> None:
        """Remember the image that a step left."""
        self._put(Step(digest, image, {}, size=await self._images.size(image)))

    async def keep_run(self, digest: str, image: str, volumes: dict[str, str], exit_code: int, **text: str) -> Step:
        """Remember what a command left; `text` is its `stdout`, `stderr` and both `combined`."""
        size = await self._images.size(image)
        step = Step(digest, image, volumes, exit_code=exit_code, size=size, **text)
        self._put(step)
        return step

    def _put(self, step: Step) -> None:
        self._store.put_step(step)
        self._objects.keep_volumes(step.volumes.values())
        if step.digest in self.evicted:
            self._store.drop_json(EVICTED, step.digest)
