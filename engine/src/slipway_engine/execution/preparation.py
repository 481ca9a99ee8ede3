"""From a described step to a container that is ready to start: its files, mounts, secrets, names and environment."""

import asyncio
import contextlib
import os
import posixpath
import tempfile
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from slipway_engine.docker import tools
from slipway_engine.docker.daemon import Daemon
from slipway_engine.errors import EngineError
from slipway_engine.execution import script
from slipway_engine.execution.memory import Memory
from slipway_engine.execution.mounted_file import MountedFile
from slipway_engine.execution.plan import Plan
from slipway_engine.execution.volumes import Volumes
from slipway_engine.model.step import (
    Binding,
    CacheMount,
    Exec,
    FileMount,
    FolderMount,
    Mount,
    SecretMount,
    SocketMount,
    TempMount,
)
from slipway_engine.store.secrets import Secrets
from slipway_engine.trees.images import flatten
from slipway_engine.trees.trees import Trees

DEFAULT_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"  # where an image sets none

# Starts services and returns their names for a container's /etc/hosts: `alias:address`.
Bind = Callable[[Sequence[Binding]], Coroutine[Any, Any, list[str]]]


@dataclass
class Prepared:
    """A container that was created for a step."""

    container: str
    volumes: dict[str, str]  # the mounted folders that the step can write: mount path → volume
    files: dict[str, MountedFile]  # the mounted files, by mount path


class Preparer:
    """Prepares the containers of steps, services and shells."""

    def __init__(self, daemon: Daemon, trees: Trees, secrets: Secrets, volumes: Volumes, memory: Memory) -> None:
        """Make containers of trees; secrets reach them through a folder in memory."""
        self._daemon, self._trees, self._secrets = daemon, trees, secrets
        self._volumes, self._memory = volumes, memory

    @contextlib.asynccontextmanager
    async def prepare(
        self, step: Exec, bind: Bind, shares: Callable[[], int], *, init: bool = False, **options: Any
    ) -> AsyncIterator[Prepared]:
        """Create the container of a step, and remove it when the block ends.

        `shares` is called when the container is about to be made; `options` lie over Docker's configuration.
        """
        base, operations = flatten(step.rootfs)
        if any(_overlap(operation.path, mount.path) for operation in operations for mount in step.mounts):
            base, operations = step.rootfs, []  # they are the image's, and must not land in what is mounted over it
        async with contextlib.AsyncExitStack() as stack:
            starting = stack.enter_context(_start_services(bind, step))
            image = await self._trees.images.image(base)
            private = self._private_folder(stack) if script.needs_script(step) else None
            plan = Plan()
            for mount in step.mounts:
                await self._plan(stack, step, mount, plan)
            await starting
            hosts = await bind(step.bindings)
            config = await self._config(step, image, plan, private) | options
            config["HostConfig"] |= {"ExtraHosts": hosts, "Init": init, "CpuShares": shares()}
            container = await stack.enter_async_context(self._daemon.objects.container(config))
            await self._trees.writer.apply(container, operations)
            for path, source, owner in plan.fills:
                ids = await self._trees.writer.owner(step.rootfs, owner)
                nested = [mount.path for mount in step.mounts if mount.path.startswith(path.rstrip("/") + "/")]
                await self._trees.writer.fill(container, path, source, ids, nested)
            yield Prepared(container, plan.volumes, plan.files)

    async def _config(self, step: Exec, image: str, plan: Plan, private: Path | None) -> dict[str, Any]:
        command = list(step.args)
        environment = {"PATH": DEFAULT_PATH} | dict(step.environment) | dict(step.volatile)
        if self._daemon.tools.host_bundle is not None:
            environment = dict.fromkeys(tools.CA_VARIABLES, tools.BUNDLE) | environment
        if self._daemon.tools.host_bundle is not None or private is not None:
            plan.mounts.append((await self._daemon.tools.get()).mount)
        if private is not None:
            await script.write_script(self._secrets, step, private)
            plan.bind(private, script.FOLDER, read_only=True)
            command = script.script_command(command)
        # A name without a value takes a variable of the image away: a commit keeps more than the step's own.
        inherited = await self._daemon.images.variables(image)
        unset = [name for name in inherited if name not in environment]
        return {
            "Image": image,
            "Entrypoint": command[:1],
            "Cmd": command[1:],
            "Env": [*(f"{name}={value}" for name, value in environment.items()), *unset],
            "WorkingDir": step.workdir or "/",
            "User": step.user,
            "Healthcheck": {"Test": ["NONE"]},
            "HostConfig": {
                "Mounts": plan.mounts,
                "Privileged": step.insecure,
                "LogConfig": {"Type": "none"},
            },
        }

    def _private_folder(self, stack: contextlib.AsyncExitStack) -> Path:
        """Make a folder in memory that only the step sees, until the stack closes."""
        return Path(stack.enter_context(tempfile.TemporaryDirectory(dir=self._memory.folder())))

    async def _plan(self, stack: contextlib.AsyncExitStack, step: Exec, mount: Mount, plan: Plan) -> None:
        match mount:
            case FolderMount():
                await self._volumes.plan_folder(mount, plan)
            case CacheMount():
                await self._volumes.plan_cache(stack, mount, plan)
            case FileMount():
                await self._plan_file(stack, step, mount, plan)
            case SecretMount():
                file = self._private_folder(stack) / "file"
                value = await self._secrets.value(mount.secret)
                await asyncio.to_thread(file.write_bytes, value)
                file.chmod(mount.mode)
                await self._set_owner(step, file, mount.owner)
                plan.bind(file, mount.path, read_only=True)
            case SocketMount():
                if not Path(mount.socket).is_socket():
                    raise EngineError(
                        f"{mount.socket}: is not a Unix socket: start what listens there, or name another"
                    )
                plan.bind(mount.socket, mount.path, read_only=False)
            case TempMount():
                options = {"SizeBytes": mount.size} if mount.size else {}
                plan.mounts.append({"Type": "tmpfs", "Target": mount.path, "TmpfsOptions": options})

    async def _plan_file(self, stack: contextlib.AsyncExitStack, step: Exec, mount: FileMount, plan: Plan) -> None:
        file = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="slipway-"))) / "file"
        entry = await self._trees.export(mount.source, file)
        os.utime(file, (entry.mtime, entry.mtime))
        await self._set_owner(step, file, mount.owner, (entry.uid, entry.gid))
        plan.bind(file, mount.path, read_only=False)
        plan.files[mount.path] = MountedFile(file, mount.source.path)

    async def _set_owner(self, step: Exec, file: Path, owner: str, otherwise: tuple[int, int] = (0, 0)) -> None:
        ids = await self._trees.writer.owner(step.rootfs, owner)
        if os.geteuid() == 0:
            os.chown(file, *(ids or otherwise))


@contextlib.contextmanager
def _start_services(bind: Bind, step: Exec) -> Iterator[asyncio.Task[list[str]]]:
    """Let the step's services start while its files are made: both take a while."""
    starting = asyncio.create_task(bind(step.bindings))
    # When the files fail, theirs is the error to report.
    starting.add_done_callback(lambda task: task.cancelled() or task.exception())
    try:
        yield starting
    finally:
        starting.cancel()


def _overlap(path: str, mount: str) -> bool:
    path, mount = (posixpath.normpath("/" + each).rstrip("/") + "/" for each in (path, mount))
    return path.startswith(mount) or mount.startswith(path)
