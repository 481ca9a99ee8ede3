"""Images in Docker, and containers through which images and volumes are read."""

from typing import Any

from slipway_engine.docker.client import Docker
from slipway_engine.docker.objects import Objects
from slipway_engine.errors import EngineError
from slipway_engine.events import Events
from slipway_engine.files import tar
from slipway_engine.model.node import short_name

BUSYBOX = "busybox:1"


class Images:
    """The images that one session uses."""

    def __init__(self, docker: Docker, objects: Objects, events: Events) -> None:
        """Start with none."""
        self._docker, self._objects, self._events = docker, objects, events
        self._readers: dict[str, str] = {}
        self._variables: dict[str, list[str]] = {}
        self._pulled: list[str] = []  # by ID, the newest last
        self._busybox = ""

    async def pull(self, reference: str, auth: str = "") -> str:
        """Return the ID of an image, fetched from its registry unless Docker has it."""
        async with self._objects.once(f"pull-{short_name(reference)}"):
            if (found := await self._docker.image(reference)) is None:
                headers = {"X-Registry-Auth": auth} if auth else None
                name, tag = split_reference(reference)
                with self._events.span(f"pull {reference}"):
                    async for _ in self._docker.progress(
                        "POST", "images/create", fromImage=name, tag=tag, headers=headers
                    ):
                        pass
                found = await self._docker.image(reference)
        if found is None:
            raise EngineError(f"{reference}: was pulled, but is not there")
        self._pulled.append(str(found["Id"]))
        return self._pulled[-1]

    async def busybox(self) -> str:
        """Return the ID of an image with a static /bin/busybox.

        This is `busybox:1`. Where no registry has that image, it is one that this session pulled for a step.
        """
        if not self._busybox:
            try:
                self._busybox = await self.pull(BUSYBOX)
            except EngineError:
                self._busybox = await self._busybox_of_steps()
                if not self._busybox:
                    raise
        return self._busybox

    async def read_busybox(self, container: str) -> bytes:
        """Return the program /bin/busybox of a container; empty: the container has none."""
        stat = await self._docker.stat(container, "/bin/busybox", follow=True)
        if stat is None:
            return b""
        async with self._docker.get(container, stat.path) as archive:
            return await tar.read(archive, tar.first_file) or b""

    async def inspect(self, image: str) -> dict[str, Any]:
        """Return what Docker knows of an image; nothing when it is gone."""
        return await self._docker.image(image) or {}

    async def variables(self, image: str) -> list[str]:
        """Return the names of the variables that an image sets."""
        if image not in self._variables:
            variables = ((await self.inspect(image)).get("Config") or {}).get("Env") or []
            self._variables[image] = [variable.partition("=")[0] for variable in variables]
        return self._variables[image]

    async def size(self, image: str) -> int:
        """Return the bytes that an image adds to its parent."""
        found = await self.inspect(image)
        parent = await self.inspect(found["Parent"]) if found.get("Parent") else {}
        return int(found.get("Size", 0)) - int(parent.get("Size", 0))

    async def reader(self, image: str = "", volume: str = "") -> str:
        """Return a container, never started, through which an image or a volume (at /volume) is read."""
        key = image or volume
        async with self._objects.once(f"reader-{key}", shared=False):
            if key not in self._readers:
                config: dict[str, Any] = {"Image": image, "Cmd": ["-"]}
                if volume:
                    mount = {"Type": "volume", "Source": volume, "Target": "/volume"}
                    config = {"Image": await self.busybox(), "HostConfig": {"Mounts": [mount]}}
                self._readers[key] = await self._objects.keep_container(config)
            return self._readers[key]

    async def _busybox_of_steps(self) -> str:
        for image in reversed(self._pulled):
            program = await self.read_busybox(await self.reader(image=image))
            # A program that needs a dynamic linker names the linker's path near its beginning.
            if program and b"/ld-" not in program[:4096]:
                return image
        return ""


def split_reference(reference: str) -> tuple[str, str]:
    """Split an image reference into its name and its tag or digest (`latest` where it has none)."""
    name, at, digest = reference.partition("@")
    if at:
        return name, digest
    name, colon, tag = reference.rpartition(":")
    return (name, tag) if colon and "/" not in tag else (reference, "latest")
