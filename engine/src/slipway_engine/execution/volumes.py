"""Volumes for mounted folders and caches."""

import contextlib

from slipway_engine.docker.daemon import Daemon
from slipway_engine.execution.plan import Plan
from slipway_engine.model.node import short_name
from slipway_engine.model.step import CacheMount, FolderMount
from slipway_engine.model.tree import Location
from slipway_engine.store.database import Store
from slipway_engine.trees.keys import Keys
from slipway_engine.trees.trees import Trees


class Volumes:
    """Makes the volumes of steps."""

    def __init__(self, daemon: Daemon, trees: Trees, keys: Keys, store: Store) -> None:
        """Fill volumes with trees, and name them by keys."""
        self._daemon, self._trees, self._keys, self._store = daemon, trees, keys, store

    async def plan_folder(self, mount: FolderMount, plan: Plan) -> None:
        """Add a mounted folder to a plan: a volume of the step's own, or a shared one where it only reads."""
        if mount.read_only:
            plan.volume(await self._make_shared(mount), mount.path, read_only=True)
            return
        name = await self._daemon.objects.make_volume()
        plan.volume(name, mount.path)
        plan.fills.append((mount.path, mount.source, mount.owner))
        plan.volumes[mount.path] = name

    async def plan_cache(self, stack: contextlib.AsyncExitStack, mount: CacheMount, plan: Plan) -> None:
        """Add a cache to a plan; where it is not shared, it is locked until the stack closes."""
        name = f"slipway-cache-{short_name(mount.key)}"
        if mount.sharing == "LOCKED":
            await stack.enter_async_context(self._store.lock(name))
        elif mount.sharing == "PRIVATE":
            number = 0
            while not stack.enter_context(self._store.try_lock(f"{name}-{number}")):
                number += 1
            name = f"{name}-{number}"
        if not await self._daemon.docker.volume_exists(name):
            await self._daemon.docker.create_volume(name, self._daemon.objects.labels(step=""))
            if mount.source or mount.owner:
                plan.fills.append((mount.path, mount.source or Location(), mount.owner))
        plan.volume(name, mount.path)

    async def _make_shared(self, mount: FolderMount) -> str:
        """Return a volume that holds a folder's files, made once for the same files."""
        docker, objects = self._daemon.docker, self._daemon.objects
        name = f"slipway-tree-{self._store.name}-{self._keys.of(mount.source)[:32]}-{short_name(mount.owner)}"
        async with objects.once(name):
            if self._store.get_json("volume", name) and await docker.volume_exists(name):
                return name
            await docker.create_volume(name, objects.labels(step=""))
            spec = {"Type": "volume", "Source": name, "Target": "/volume", "VolumeOptions": {"NoCopy": True}}
            image = await self._daemon.images.busybox()
            async with objects.container({"Image": image, "HostConfig": {"Mounts": [spec]}}) as container:
                owner = await self._trees.writer.owner(mount.source.tree, mount.owner)
                await self._trees.writer.fill(container, "/volume", mount.source, owner)
            self._store.put_json("volume", name, value=True)
        return name
