"""Runs steps: each at most once for the same inputs, its file system and its output kept for the next time."""

import asyncio
import contextlib
import itertools
import re
import struct
import time
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import aiohttp

from slipway_engine.errors import DockerError, ExecFailed
from slipway_engine.events import NAME_LENGTH, Span
from slipway_engine.prepare import Prepared, prepared
from slipway_engine.store import Step
from slipway_engine.trees import Exec, FileMount, FolderMount, Image, Location, Mount, SecretMount, Volume

if TYPE_CHECKING:
    from slipway_engine.engine import Engine

NOT_STARTED = 1  # the exit code of a command that is not there or not executable
KILLED = 137
STREAM_GRACE = 5.0  # seconds that output may come after the end of its command
CPU_SHARES = 1024  # what Docker gives a container that asks for nothing
MOST_SHARES = 64 * CPU_SHARES
SIGNALS = range(128, 192)  # as the official engine draws the line


class Runner:
    """Runs the steps of one engine."""

    def __init__(self, engine: "Engine") -> None:
        """Start with none."""
        self._engine = engine
        self._results: dict[str, Step | ExecFailed] = {}
        # How many wait for a step that is not done yet, in the order in which the steps were asked for.
        self._waiting: dict[str, int] = {}
        # Those of them that have a container.
        self._started: set[str] = set()
        self._spans: dict[str, Span] = {}

    async def run(self, step: Exec) -> Step:
        """Return what a step leaves, run now unless an earlier run left it.

        Raises ExecFailed when its exit code is not one that the step expects.
        """
        for secret in [
            *(v.secret for v in step.secrets),
            *(m.secret for m in step.mounts if isinstance(m, SecretMount)),
        ]:
            await self._engine.secrets.plaintext(secret)
        digest = self._engine.keys.of(step)
        self._waiting[digest] = self._waiting.get(digest, 0) + 1
        asked = time.monotonic()
        try:
            async with self._engine.once(digest):
                self._engine.events.waited(self._spans.get(digest), asked)
                if digest not in self._results:
                    self._results[digest] = await self._result(step, digest)
        finally:
            self._waiting[digest] -= 1
            if not self._waiting[digest]:
                del self._waiting[digest]
                self._started.discard(digest)
        result = self._results[digest]
        if isinstance(result, ExecFailed):
            raise result
        return result

    def claim_shares(self, step: Exec, *, serves: bool) -> int:
        """Give a step whose container is about to be made its share of the processors, for when they are scarce.

        Of the steps that have one, what was asked for first gets the most. What `serves` others works only when they
        wait for it.
        """
        if serves:
            return MOST_SHARES
        digest = self._engine.keys.of(step)
        before = itertools.takewhile(lambda each: each != digest, self._waiting)
        rank = sum(each in self._started for each in before)
        self._started.add(digest)
        return max(MOST_SHARES >> 2 * rank, CPU_SHARES)

    async def _result(self, step: Exec, digest: str) -> Step | ExecFailed:
        with self._engine.events.span(command(step), prepares=True) as span:
            self._spans[digest] = span
            if (known := await self._engine.step(digest)) is not None:
                span.status = "cached"
                return known
            try:
                async with prepared(self._engine, step) as ready:
                    span.begin()
                    return await self._execute(step, digest, ready, span)
            except ExecFailed as failure:
                span.status, span.error = "failed", str(failure)
                self._engine.failures.append(failure)
                return failure

    async def _execute(self, step: Exec, digest: str, ready: Prepared, span: Span) -> Step:
        engine = self._engine
        output = Output(engine, span)
        exit_code = await self._start(ready.container, output)
        for path, file in ready.files.items():
            if (volume := await file.keep(engine)) is not None:
                ready.volumes[path] = volume
        failed = not _expected(step.expect, exit_code)
        # A failed step's files are kept too, for a shell in them; nothing else finds them.
        image = await engine.docker.commit(
            ready.container, engine.labels(session=failed, step="" if failed else digest)
        )
        if failed:
            error = ExecFailed(step.args, exit_code, output.text("stdout"), output.text("stderr"))
            error.container, error.insecure = _left(step, image, ready.volumes), step.insecure
            raise error
        streams = {name: output.text(name) for name in ("stdout", "stderr", "combined")}
        kept = Step(digest, image, ready.volumes, exit_code=exit_code, size=await engine.size(image), **streams)
        engine.store.put_step(kept)
        return kept

    async def _start(self, container: str, output: "Output") -> int:
        docker = self._engine.docker
        async with attached(self._engine, container) as frames:
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


@contextlib.asynccontextmanager
async def attached(engine: "Engine", container: str) -> AsyncIterator[AsyncIterator[tuple[int, bytes]]]:
    """Read a container's output from its start to its end: (1 for stdout or 2 for stderr, bytes).

    Attached before the start: Docker's log files may lack the last line when they are read while they are written.
    """
    async with engine.docker.request(
        "POST", f"containers/{container}/attach", stream=True, stdout=True, stderr=True
    ) as response:
        yield _frames(response.content)


async def _frames(content: aiohttp.StreamReader) -> AsyncIterator[tuple[int, bytes]]:
    with contextlib.suppress(asyncio.IncompleteReadError, aiohttp.ClientError):
        while True:
            stream, size = struct.unpack(">BxxxL", await content.readexactly(8))
            yield stream, await content.readexactly(size)


class Output:
    """What a step prints: kept by stream, and told line by line."""

    def __init__(self, engine: "Engine", span: Span) -> None:
        """Start with nothing."""
        self._engine, self._span = engine, span
        self._streams: dict[int, bytearray] = {0: bytearray(), 1: bytearray(), 2: bytearray()}
        self._line = b""

    def add(self, stream: int, data: bytes) -> None:
        """Take a piece of output."""
        self._streams[stream] += data
        self._streams[0] += data
        *lines, self._line = (self._line + data).split(b"\n")
        for line in lines:
            self._tell(line)

    async def read(self, frames: AsyncIterator[tuple[int, bytes]]) -> None:
        """Take all that comes."""
        async for stream, data in frames:
            self.add(stream, data)

    def finish(self) -> None:
        """Tell the last line, if it did not end."""
        if self._line:
            self._tell(self._line)
            self._line = b""

    def text(self, name: str) -> str:
        """Return the whole text of `stdout`, `stderr` or both `combined`, without secrets."""
        number = {"combined": 0, "stdout": 1, "stderr": 2}[name]
        return self._engine.secrets.scrub(self._streams[number].decode(errors="replace"))

    def _tell(self, line: bytes) -> None:
        self._engine.events.log(self._span, self._engine.secrets.scrub(line.decode(errors="replace").rstrip("\r")))


def _left(step: Exec, image: str, volumes: dict[str, str]) -> Any:
    """Return what a failed step left as a container of the API: its files, environment, mounts and services."""
    from slipway_engine.api.container import Container  # noqa: PLC0415 - the API's types build on this module

    return Container(
        rootfs_tree=Image(image),
        environment=step.environment,
        volatile=step.volatile,
        secrets=step.secrets,
        working_directory=step.workdir,
        user_name=step.user,
        mount_items=tuple(_left_mount(mount, volumes) for mount in step.mounts),
        bindings=step.bindings,
    )


def _left_mount(mount: Mount, volumes: dict[str, str]) -> Mount:
    """Return a mount as a step left it: a folder that it could write to, or a file that it changed, is in a volume."""
    if mount.path not in volumes or not isinstance(mount, FolderMount | FileMount):
        return mount
    inside = mount.source.path if isinstance(mount, FileMount) else "/"
    return replace(mount, source=Location(Volume(volumes[mount.path]), inside), owner="")


def command(step: Exec) -> str:
    """Return a step's command on one line."""
    return " ".join(" ".join(step.args).split())


def title(step: Exec) -> str:
    """Return how a step is called in messages: its command, unless that is long."""
    text = command(step)
    return text if len(text) <= NAME_LENGTH else text[: NAME_LENGTH - 1] + "…"


def start_failure(error: DockerError) -> str | None:
    """Return why a command could not be started, or nothing for an error that is not the command's."""
    found = re.search(
        r"exec: .*(?:executable file not found in \$PATH|no such file or directory|permission denied)", str(error)
    )
    return found[0] if found else None


def _expected(expect: str, exit_code: int) -> bool:
    ended = exit_code not in SIGNALS  # a process that a signal killed said nothing, so it is never what was expected
    return {"SUCCESS": exit_code == 0, "FAILURE": exit_code != 0 and ended, "ANY": ended}[expect]
