"""From a described step to a container that is ready to start: its files, mounts, secrets, names and environment."""

import asyncio
import contextlib
import os
import posixpath
import shlex
import tempfile
import uuid
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from slipway_engine import tools
from slipway_engine.errors import EngineError
from slipway_engine.mountedfile import MountedFile
from slipway_engine.solve import flatten
from slipway_engine.trees import (
    CacheMount,
    Exec,
    FileMount,
    FolderMount,
    Location,
    Mount,
    SecretMount,
    SocketMount,
    TempMount,
)

if TYPE_CHECKING:
    from slipway_engine.engine import Engine

RUN_FOLDER = "/dev/.slipway-run"
DEFAULT_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"  # where an image sets none


@dataclass
class Prepared:
    """A container that was created for a step."""

    container: str
    volumes: dict[str, str]  # the mounted folders that the step can write: mount path → volume
    files: dict[str, MountedFile]  # the mounted files, by mount path


@dataclass
class Plan:
    """What becomes a container's configuration, collected mount by mount."""

    mounts: list[dict[str, Any]] = field(default_factory=list)
    fills: list[tuple[str, Location, str]] = field(default_factory=list)  # path, source, owner
    volumes: dict[str, str] = field(default_factory=dict)
    files: dict[str, MountedFile] = field(default_factory=dict)
    script: list[str] = field(default_factory=list)

    def volume(self, name: str, path: str, *, read_only: bool = False) -> None:
        """Mount a volume, without what the image has at its path."""
        options = {"NoCopy": True}
        self.mounts.append(
            {"Type": "volume", "Source": name, "Target": path, "ReadOnly": read_only, "VolumeOptions": options}
        )

    def bind(self, source: Path | str, path: str, *, read_only: bool) -> None:
        """Mount a file or folder of the host."""
        self.mounts.append({"Type": "bind", "Source": str(source), "Target": path, "ReadOnly": read_only})


@contextlib.asynccontextmanager
async def prepared(engine: "Engine", step: Exec, *, init: bool = False, **options: Any) -> AsyncIterator[Prepared]:
    """Create the container of a step, and remove it when the block ends; `options` lie over Docker's configuration."""
    base, operations = flatten(step.rootfs)
    if any(_overlap(operation.path, mount.path) for operation in operations for mount in step.mounts):
        base, operations = step.rootfs, []  # they are the image's, and must not land in what is mounted over it
    async with contextlib.AsyncExitStack() as stack:
        starting = stack.enter_context(_started(engine, step))
        image = await engine.solver.image(base)
        private = await _private_folder(engine, stack, step)
        plan = Plan()
        for mount in step.mounts:
            await _plan(engine, stack, step, mount, plan)
        await starting
        hosts = await engine.services.bind(step.bindings)
        config = await _config(engine, step, image, plan, private) | options
        shares = engine.runner.claim_shares(step, serves=init)
        config["HostConfig"] |= {"ExtraHosts": hosts, "Init": init, "CpuShares": shares}
        container = await stack.enter_async_context(engine.container(config))
        await engine.solver.changer.apply(container, operations)
        for path, source, owner in plan.fills:
            ids = await engine.solver.changer.owner(step.rootfs, owner)
            nested = [mount.path for mount in step.mounts if mount.path.startswith(path.rstrip("/") + "/")]
            await engine.solver.changer.fill(container, path, source, ids, nested)
        yield Prepared(container, plan.volumes, plan.files)


@contextlib.contextmanager
def _started(engine: "Engine", step: Exec) -> Iterator[asyncio.Task[list[str]]]:
    """Let the step's services start while its files are made: both take a while."""
    starting = asyncio.create_task(engine.services.bind(step.bindings))
    # When the files fail, that is the failure to tell of.
    starting.add_done_callback(lambda task: task.cancelled() or task.exception())
    try:
        yield starting
    finally:
        starting.cancel()


async def _config(engine: "Engine", step: Exec, image: str, plan: Plan, private: Path | None) -> dict[str, Any]:
    command = list(step.args)
    environment = {"PATH": DEFAULT_PATH} | dict(step.environment) | dict(step.volatile)
    if tools.host_bundle() is not None:
        plan.mounts.append((await engine.tools()).mount)
        environment = dict.fromkeys(tools.CA_VARIABLES, tools.BUNDLE) | environment
    if private is not None:
        await _write_script(engine, step, private)
        plan.bind(private, RUN_FOLDER, read_only=True)
        if tools.host_bundle() is None:
            plan.mounts.append((await engine.tools()).mount)
        command = [f"{tools.FOLDER}/busybox", "sh", f"{RUN_FOLDER}/run", *command]
    # A name without a value takes a variable of the image away: a commit keeps more than the step's own.
    inherited = await engine.environment_of(image)
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


async def _private_folder(engine: "Engine", stack: contextlib.AsyncExitStack, step: Exec) -> Path | None:
    """Make the folder in memory that holds what a step may see and nobody else, where it needs one."""
    redirected = step.stdin or step.redirect_stdin or step.redirect_stdout or step.redirect_stderr
    if not (step.secrets or redirected):
        return None
    return Path(stack.enter_context(tempfile.TemporaryDirectory(dir=engine.memory_folder())))


async def _write_script(engine: "Engine", step: Exec, private: Path) -> None:
    """Write the script that sets secret variables and redirections and then becomes the step's command."""
    lines = [
        f"export {variable.name}={shlex.quote(await engine.secrets.plaintext(variable.secret))}"
        for variable in step.secrets
    ]
    if step.stdin:
        (private / "stdin").write_text(step.stdin)
        lines.append(f"exec <{RUN_FOLDER}/stdin")
    if step.redirect_stdin:
        lines.append(f"exec <{shlex.quote(step.redirect_stdin)}")
    if step.redirect_stdout:
        lines.append(f"exec >{shlex.quote(step.redirect_stdout)}")
    if step.redirect_stderr:
        lines.append(f"exec 2>{shlex.quote(step.redirect_stderr)}")
    # busybox would run its own applet for a bare name: look the command up in the image's PATH first.
    lines += [
        "name=$1; shift; found=$name; IFS=:",
        "case $name in */*) ;; *) for folder in $PATH; do",
        'if [ -x "$folder/$name" ] && [ ! -d "$folder/$name" ]; then found=$folder/$name; break; fi; done;; esac',
        "unset IFS",
        'case $found in */*) exec "$found" "$@";; esac',
        'echo "exec: \\"$name\\": executable file not found in \\$PATH" >&2; exit 1',
    ]
    script = private / "run"
    script.write_text("\n".join(lines) + "\n")
    script.chmod(0o644)
    private.chmod(0o755)  # the step's user reads it; the folder around it lets no other user of the host in
    if (private / "stdin").exists():
        (private / "stdin").chmod(0o644)


async def _plan(engine: "Engine", stack: contextlib.AsyncExitStack, step: Exec, mount: Mount, plan: Plan) -> None:
    match mount:
        case FolderMount():
            await _plan_folder(engine, mount, plan)
        case FileMount():
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="slipway-")))
            entry = await engine.solver.export(mount.source, folder / "file")
            os.utime(folder / "file", (entry.mtime, entry.mtime))
            await _own(engine, step, folder / "file", mount.owner, (entry.uid, entry.gid))
            plan.bind(folder / "file", mount.path, read_only=False)
            plan.files[mount.path] = MountedFile(folder / "file", mount.source.path)
        case SecretMount():
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory(dir=engine.memory_folder())))
            value = (await engine.secrets.plaintext(mount.secret)).encode()
            await _write_private(engine, step, folder / "file", value, mount.owner, mount.mode)
            plan.bind(folder / "file", mount.path, read_only=True)
        case SocketMount():
            if not Path(mount.socket).is_socket():
                raise EngineError(f"{mount.socket}: is not a Unix socket: start what listens there, or name another")
            plan.bind(mount.socket, mount.path, read_only=False)
        case TempMount():
            options = {"SizeBytes": mount.size} if mount.size else {}
            plan.mounts.append({"Type": "tmpfs", "Target": mount.path, "TmpfsOptions": options})
        case CacheMount():
            await _plan_cache(engine, stack, mount, plan)


async def _write_private(engine: "Engine", step: Exec, file: Path, content: bytes, owner: str, mode: int) -> None:
    await asyncio.to_thread(file.write_bytes, content)
    file.chmod(mode)
    await _own(engine, step, file, owner)


async def _own(engine: "Engine", step: Exec, file: Path, owner: str, otherwise: tuple[int, int] = (0, 0)) -> None:
    ids = await engine.solver.changer.owner(step.rootfs, owner)
    if os.geteuid() == 0:
        os.chown(file, *(ids or otherwise))


async def _plan_folder(engine: "Engine", mount: FolderMount, plan: Plan) -> None:
    if mount.read_only:
        plan.volume(await engine.shared_volume(mount), mount.path, read_only=True)
        return
    name = f"slipway-mount-{uuid.uuid4().hex}"
    await engine.docker.create_volume(name, engine.labels(session=True))
    plan.volume(name, mount.path)
    plan.fills.append((mount.path, mount.source, mount.owner))
    plan.volumes[mount.path] = name


async def _plan_cache(engine: "Engine", stack: contextlib.AsyncExitStack, mount: CacheMount, plan: Plan) -> None:
    name = f"slipway-cache-{engine.short(mount.key)}"
    if mount.sharing == "LOCKED":
        await stack.enter_async_context(engine.store.lock(name))
    elif mount.sharing == "PRIVATE":
        number = 0
        while not stack.enter_context(engine.store.try_lock(f"{name}-{number}")):
            number += 1
        name = f"{name}-{number}"
    if not await engine.docker.volume_exists(name):
        await engine.docker.create_volume(name, engine.labels())
        if mount.source or mount.owner:
            plan.fills.append((mount.path, mount.source or Location(), mount.owner))
    plan.volume(name, mount.path)


def _overlap(path: str, mount: str) -> bool:
    path, mount = (posixpath.normpath("/" + each).rstrip("/") + "/" for each in (path, mount))
    return path.startswith(mount) or mount.startswith(path)


def absolute(workdir: str, path: str) -> str:
    """Return a path as a step sees it: relative ones lie in its working directory."""
    return posixpath.normpath(posixpath.join("/", workdir, path))
