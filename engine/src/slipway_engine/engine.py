"""The engine: everything that one session shares, opened cheaply; Docker is asked only when something must be done."""

import asyncio
import contextlib
import hashlib
import ipaddress
import json
import os
import secrets
import shutil
from collections import defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from slipway_engine import prune, tools
from slipway_engine.context import Context
from slipway_engine.docker import Docker
from slipway_engine.errors import EngineError, ExecFailed
from slipway_engine.events import Events
from slipway_engine.keys import Keys
from slipway_engine.node import Node, decode, references
from slipway_engine.run import Runner
from slipway_engine.secrets import Secrets
from slipway_engine.services import Services
from slipway_engine.solve import Solver
from slipway_engine.store import Step, Store, cache_folder
from slipway_engine.trees import FolderMount, Secret
from slipway_engine.uploads import Uploads

if TYPE_CHECKING:
    from slipway_engine.edits import Edits

SESSION_LABEL = "slipway.session"
STEP_LABEL = "slipway.step"
OWN_LABEL = "slipway.engine"


class Engine:
    """One session's engine."""

    def __init__(self, workdir: Path, store: Store) -> None:
        """Put the parts together; use `Engine.open`."""
        self.workdir, self.store = workdir, store
        self.session = f"{store.name}-{secrets.token_hex(8)}"
        self.docker, self.secrets = Docker(), Secrets(store)
        self.events = Events(self.secrets.scrub)
        self.keys, self.solver, self.runner = Keys(self), Solver(self), Runner(self)
        self.services, self.uploads = Services(self), Uploads(self)
        self.failures: list[ExecFailed] = []  # of this session's steps, the oldest first
        # What takes the changes that people make in shells, where somebody wants them.
        self.keep_edits: Callable[[Edits], Awaitable[None]] | None = None
        self.contexts: dict[str, Context] = {}
        self._nodes: dict[str, Node] = {}
        self._saved: set[str] = set()
        self._locks: dict[str, asyncio.Lock] = defaultdict(asyncio.Lock)
        self._readers: dict[str, str] = {}
        self._environments: dict[str, list[str]] = {}
        self._stack = contextlib.AsyncExitStack()
        self._tools: tools.Tools | None = None
        self._busybox = ""
        self._pulled: list[str] = []  # images by ID, the newest last
        self._removals: set[asyncio.Task[None]] = set()
        self._used_docker = False

    @classmethod
    @contextlib.asynccontextmanager
    async def open(cls, workdir: Path) -> AsyncIterator["Engine"]:
        """Open an engine; when the block ends, nothing of the session is left but its cache."""
        store = Store(cache_folder())
        engine = cls(workdir, store)
        try:
            async with engine._stack:
                yield engine
                await engine.uploads.settle()
                await engine.services.close()
        finally:
            await asyncio.shield(engine._close())

    async def _close(self) -> None:
        await self.uploads.abandon()
        await self.services.close()
        await asyncio.gather(*self._removals, return_exceptions=True)
        if self._used_docker:
            with contextlib.suppress(EngineError):
                await prune.sweep(self, self.session)
                await prune.keep_limit(self)
        await self.docker.close()
        shutil.rmtree(self._memory, ignore_errors=True)
        self.store.close()

    # Values and clients

    def save(self, node: Node) -> str:
        """Return a value's ID; it can be loaded by any later session while the store remembers it."""
        bodies: list[tuple[str, str]] = []
        self._collect(node, bodies)
        if bodies:
            self.store.put_nodes(bodies)
        return f"{type(node).__name__}:{node.identity}"

    def load(self, identifier: str) -> Node:
        """Return the value that an ID names; raises EngineError when the store does not know it."""
        digest = identifier.rpartition(":")[2]
        if digest not in self._nodes:
            encoded = self.store.get_node(digest)
            if encoded is None:
                raise EngineError(f"unknown ID {identifier[:40]!r}: it was pruned, or is another engine's")
            self._nodes[digest] = decode(encoded, {ref: self.load(ref) for ref in references(encoded)})
        return self._nodes[digest]

    def is_persistable(self, node: Node) -> bool:
        """Tell whether a later session could use a value: not if it holds a secret that only this one knows."""
        if isinstance(node, Secret) and not node.uri:
            return False
        return all(self.is_persistable(child) for child in node.children())

    def root_context(self) -> Context:
        """Return the context of the command itself."""
        for context in self.contexts.values():
            if context.call is None:
                return context
        return self.new_context(None)

    def new_context(self, call: Any) -> Context:
        """Register a client."""
        from slipway_engine.api.query import Query  # noqa: PLC0415 - the API's types build on the engine

        context = Context(self, Query(), call)
        self.contexts[context.token] = context
        return context

    def _collect(self, node: Node, bodies: list[tuple[str, str]]) -> None:
        if node.identity in self._saved:
            return
        self._saved.add(node.identity)
        self._nodes.setdefault(node.identity, node)
        bodies.append((node.identity, json.dumps(node.encoded)))
        for child in node.children():
            self._collect(child, bodies)

    # Work done once

    @contextlib.asynccontextmanager
    async def once(self, name: str, *, shared: bool = True) -> AsyncIterator[None]:
        """Keep others from the same work: in this session, and in other processes where it is `shared`."""
        async with self._locks[name]:
            await self._begin()
            if shared:
                async with self.store.lock(name):
                    yield
            else:
                yield

    async def step(self, digest: str) -> Step | None:
        """Return what a step left if all of it is still there."""
        step = self.store.get_step(digest)
        if step is None:
            return None
        there = await self.docker.image(step.image) is not None
        for volume in step.volumes.values():
            there = there and await self.docker.volume_exists(volume)
        if not there:
            self.store.drop_step(digest)
        return step if there else None

    async def _begin(self) -> None:
        """Before the first use of Docker: say that this session lives, and clear what dead ones left."""
        if self._used_docker:
            return
        self._used_docker = True
        await self._stack.enter_async_context(self.store.lock(f"session-{self.session}"))
        await prune.sweep_dead(self)

    # Docker's objects

    def labels(self, *, session: bool = False, step: str = "") -> dict[str, str]:
        """Return the labels of an object: of this session only, or what a step left.

        Each is always there: what a commit does not set, its image has from the container and the image below.
        """
        return {OWN_LABEL: self.store.name, SESSION_LABEL: self.session if session else "", STEP_LABEL: step}

    @contextlib.asynccontextmanager
    async def container(self, config: dict[str, Any]) -> AsyncIterator[str]:
        """Create a container that is removed when the block ends."""
        await self._begin()
        identifier = await self.docker.create(config | {"Labels": self.labels(session=True)})
        try:
            yield identifier
        finally:
            # Nobody needs to wait for the removal, except the engine's own end.
            task = asyncio.create_task(self.docker.remove(identifier))
            self._removals.add(task)
            task.add_done_callback(self._removals.discard)

    async def reader(self, image: str = "", volume: str = "") -> str:
        """Return a container, never started, through which an image or a volume (at /volume) is read."""
        key = image or volume
        async with self._locks[f"reader-{key}"]:
            if key not in self._readers:
                config: dict[str, Any] = {"Image": image, "Cmd": ["-"]}
                if volume:
                    mount = {"Type": "volume", "Source": volume, "Target": "/volume"}
                    config = {"Image": await self.busybox(), "HostConfig": {"Mounts": [mount]}}
                self._readers[key] = await self._stack.enter_async_context(self.container(config))
            return self._readers[key]

    async def tools(self) -> tools.Tools:
        """Return the volume with our own tools."""
        if self._tools is None:
            self._tools = await tools.install(self)
        return self._tools

    async def pull(self, reference: str, auth: str = "") -> str:
        """Return the ID of an image, fetched from its registry unless Docker has it."""
        async with self.once(f"pull-{self.short(reference)}"):
            if (found := await self.docker.image(reference)) is None:
                headers = {"X-Registry-Auth": auth} if auth else None
                name, tag = split_reference(reference)
                with self.events.span(f"pull {reference}"):
                    async for _ in self.docker.progress(
                        "POST", "images/create", fromImage=name, tag=tag, headers=headers
                    ):
                        pass
                found = await self.docker.image(reference)
        if found is None:
            raise EngineError(f"{reference}: was pulled, but is not there")
        self._pulled.append(str(found["Id"]))
        return self._pulled[-1]

    async def busybox(self) -> str:
        """Return the ID of an image with a static /bin/busybox.

        This is `busybox:1`; where no registry gives it, an image that this session has pulled for a step.
        """
        if not self._busybox:
            try:
                self._busybox = await self.pull(tools.BUSYBOX)
            except EngineError:
                self._busybox = await self._busybox_of_steps()
                if not self._busybox:
                    raise
        return self._busybox

    async def _busybox_of_steps(self) -> str:
        for image in reversed(self._pulled):
            if await tools.has_static_busybox(self, image):
                return image
        return ""

    async def environment_of(self, image: str) -> list[str]:
        """Return the names of the variables that an image sets."""
        if image not in self._environments:
            found = await self.docker.image(image) or {}
            variables = (found.get("Config") or {}).get("Env") or []
            self._environments[image] = [variable.partition("=")[0] for variable in variables]
        return self._environments[image]

    async def shared_volume(self, mount: FolderMount) -> str:
        """Return a volume that holds a folder's files, for steps that only read it; made once for the same files."""
        name = f"slipway-tree-{self.store.name}-{self.keys.of(mount.source)[:32]}-{self.short(mount.owner)}"
        async with self.once(name):
            if self.store.get_json("volume", name) and await self.docker.volume_exists(name):
                return name
            await self.docker.create_volume(name, self.labels())
            spec = {"Type": "volume", "Source": name, "Target": "/volume", "VolumeOptions": {"NoCopy": True}}
            image = await self.busybox()
            async with self.container({"Image": image, "HostConfig": {"Mounts": [spec]}}) as container:
                owner = await self.solver.changer.owner(mount.source.tree, mount.owner)
                await self.solver.changer.fill(container, "/volume", mount.source, owner)
            self.store.put_json("volume", name, value=True)
        return name

    async def address(self, container: str) -> str:
        """Return a running container's address on Docker's bridge."""
        networks = (await self.docker.inspect(container))["NetworkSettings"]["Networks"]
        return str(next(iter(networks.values()))["IPAddress"])

    async def gateway(self) -> str:
        """Return the address by which containers reach this machine."""
        network = (await self.docker.call("GET", "networks/bridge"))["IPAM"]["Config"][0]
        # Docker leaves the gateway out where it is the subnet's first address.
        first = next(ipaddress.ip_network(network["Subnet"]).hosts())
        return str(network.get("Gateway") or first)

    async def size(self, image: str) -> int:
        """Return the bytes that an image adds to its parent."""
        found = await self.docker.image(image) or {}
        parent = await self.docker.image(found["Parent"]) if found.get("Parent") else None
        return int(found.get("Size", 0)) - int((parent or {}).get("Size", 0))

    @staticmethod
    def short(text: str) -> str:
        """Return a short stable name for a text, fit for a volume's or a file's name."""
        return hashlib.sha256(text.encode()).hexdigest()[:16]

    def memory_folder(self) -> Path:
        """Return this session's folder in memory, which nobody else can enter."""
        self._memory.mkdir(mode=0o700, parents=True, exist_ok=True)
        return self._memory

    @property
    def _memory(self) -> Path:
        base = Path("/dev/shm") if Path("/dev/shm").is_dir() else self.store.folder  # noqa: S108 - memory on purpose
        return base / f"slipway-{os.getuid()}-{self.session}"


def split_reference(reference: str) -> tuple[str, str]:
    """Split an image reference into its name and its tag or digest (`latest` where it has none)."""
    name, at, digest = reference.partition("@")
    if at:
        return name, digest
    name, colon, tag = reference.rpartition(":")
    return (name, tag) if colon and "/" not in tag else (reference, "latest")
