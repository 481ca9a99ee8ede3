"""Runs steps: each at most once for the same inputs, its file system and its output kept for the next time."""

import asyncio
import contextlib
import re
import time
from dataclasses import replace

from slipway_engine.docker.daemon import Daemon
from slipway_engine.errors import DockerError, ExecFailed
from slipway_engine.events import Events, Span
from slipway_engine.execution.output import Output, attach, command
from slipway_engine.execution.preparation import Bind, Prepared, Preparer
from slipway_engine.execution.shares import Shares
from slipway_engine.model.container import ContainerSpec
from slipway_engine.model.step import Exec, FileMount, FolderMount, Mount
from slipway_engine.model.tree import Image, Location, Volume
from slipway_engine.store.database import Step
from slipway_engine.store.secrets import Secrets
from slipway_engine.trees.keys import Keys

NOT_STARTED = 1  # the exit code of a command that is not there or not executable
KILLED = 137
STREAM_GRACE = 5.0  # seconds that output may come after the end of its command
SIGNALS = range(128, 192)  # as the official engine draws the line


class Runner:
    """Runs the steps of one session."""

    def __init__(
        self,
        daemon: Daemon,
        keys: Keys,
        secrets: Secrets,
        events: Events,
        preparer: Preparer,
        bind: Bind,
        shares: Shares,
    ) -> None:
        """Start with none."""
        self._daemon, self._keys, self._secrets, self._events = daemon, keys, secrets, events
        self._preparer, self._bind, self._shares = preparer, bind, shares
        self.failures: list[ExecFailed] = []  # the oldest first
        self._results: dict[str, Step | ExecFailed] = {}
        self._spans: dict[str, Span] = {}

    async def run(self, step: Exec) -> Step:
        """Return what a step leaves, run now unless an earlier run left it.

        Raises ExecFailed when its exit code is not one that the step expects.
        """
        for secret in step.held_secrets:
            await self._secrets.value(secret)
        digest = self._keys.of(step)
        asked = time.monotonic()
        with self._shares.waiting_for(digest):
            async with self._daemon.objects.once(digest):
                self._events.record_wait(self._spans.get(digest), asked)
                if digest not in self._results:
                    self._results[digest] = await self._result(step, digest)
        result = self._results[digest]
        if isinstance(result, ExecFailed):
            raise result
        return result

    async def _result(self, step: Exec, digest: str) -> Step | ExecFailed:
        with self._events.span(command(step), prepares=True) as span:
            self._spans[digest] = span
            if (known := await self._daemon.results.find(digest)) is not None:
                span.status = "cached"
                return known
            try:
                async with self._preparer.prepare(step, self._bind, lambda: self._shares.claim(digest)) as ready:
                    span.begin()
                    return await self._execute(step, digest, ready, span)
            except ExecFailed as failure:
                span.status, span.error = "failed", str(failure)
                self.failures.append(failure)
                return failure

    async def _execute(self, step: Exec, digest: str, ready: Prepared, span: Span) -> Step:
        daemon = self._daemon
        output = Output(self._events, span, await self._secrets.mask_captured(step.held_secrets))
        exit_code = await self._start(ready.container, output)
        for path, file in ready.files.items():
            if (volume := await file.keep(daemon)) is not None:
                ready.volumes[path] = volume
        failed = not _is_expected(step.expect, exit_code)
        # A failed step's files are kept too, for a shell in them; nothing else finds them.
        if failed:
            image = await daemon.objects.commit_failed(ready.container)
            error = ExecFailed(step.args, exit_code, output.text("stdout"), output.text("stderr"))
            error.container, error.insecure = _remains(step, image, ready.volumes), step.insecure
            raise error
        image = await daemon.docker.commit(ready.container, daemon.objects.labels(step=digest))
        streams = {name: output.text(name) for name in ("stdout", "stderr", "combined")}
        return await daemon.results.keep_run(digest, image, ready.volumes, exit_code, **streams)

    async def _start(self, container: str, output: Output) -> int:
        docker = self._daemon.docker
        async with attach(docker, container) as frames:
            try:
                await docker.start(container)
            except DockerError as error:
                if (reason := start_failure(error)) is None:
                    raise
                output.add(2, f"{reason}\n".encode())
                return NOT_STARTED
            reading = asyncio.create_task(output.read(frames))
            code = await docker.wait(container)
            # Seen on Docker 20.10: a command is over, and its stream never ends.
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(reading, STREAM_GRACE)
        output.finish()
        if code == KILLED and (await docker.inspect(container))["State"]["OOMKilled"]:
            output.add(2, b"killed: out of memory\n")
        return code


def _remains(step: Exec, image: str, volumes: dict[str, str]) -> ContainerSpec:
    """Return what a failed step left as a container: its files, environment, mounts and services."""
    return ContainerSpec(
        rootfs_tree=Image(image),
        environment=step.environment,
        volatile=step.volatile,
        secrets=step.secrets,
        working_directory=step.workdir,
        user_name=step.user,
        mount_items=tuple(_remaining_mount(mount, volumes) for mount in step.mounts),
        bindings=step.bindings,
    )


def _remaining_mount(mount: Mount, volumes: dict[str, str]) -> Mount:
    """Return a mount as a step left it: a folder that it could write to, or a file that it changed, is in a volume."""
    if mount.path not in volumes or not isinstance(mount, FolderMount | FileMount):
        return mount
    inside = mount.source.path if isinstance(mount, FileMount) else "/"
    return replace(mount, source=Location(Volume(volumes[mount.path]), inside), owner="")


def start_failure(error: DockerError) -> str | None:
    """Return why a command could not be started, or nothing for an error that is not the command's."""
    found = re.search(
        r"exec: .*(?:executable file not found in \$PATH|no such file or directory|permission denied)", str(error)
    )
    return found[0] if found else None


def _is_expected(expect: str, exit_code: int) -> bool:
    ended = exit_code not in SIGNALS  # a process killed by a signal has no exit code of its own, and is never expected
    return {"SUCCESS": exit_code == 0, "FAILURE": exit_code != 0 and ended, "ANY": ended}[expect]
