"""Running a module's functions, each in a process of its own with a clean environment and empty folders."""

import asyncio
import contextlib
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from slipway_engine.errors import EngineError
from slipway_engine.events import Stream
from slipway_engine.modules.source import ModuleSource

PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
# The official engine puts the machine's certificates into the function's container; here these name their place.
CERTIFICATES = ("SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE")
PIECE = 1 << 16  # bytes of output that are read at once
DRAIN_SECONDS = 0.5  # how long to read on when a process has ended but something it started holds its output


class Runner:
    """The functions of one module, ready to run; start it early, since importing the SDK takes a second."""

    def __init__(self, source: ModuleSource) -> None:
        """Start importing in the background."""
        self._source = source
        self._folder = Path(tempfile.mkdtemp(prefix="slipway-module-"))
        self._channel, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            self._process = subprocess.Popen(
                [
                    sys.executable,
                    "-I",
                    "-u",
                    "-X",
                    "utf8",
                    str(Path(__file__).with_name("zygote.py")),
                    *self._arguments(theirs),
                ],
                env=self.environ(self._folder),
                cwd=self._folder,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                pass_fds=[theirs.fileno()],
                start_new_session=True,
            )

    def _arguments(self, channel: socket.socket) -> list[str]:
        entry_point = self._source.entry_point
        # Written as an installed package would have it, so that the SDK finds this module and no other.
        info = self._folder / "site" / "module-0.dist-info"
        info.mkdir(parents=True)
        (info / "METADATA").write_text("Metadata-Version: 2.1\nName: dagger-main-object\nVersion: 0\n")
        (info / "entry_points.txt").write_text(f"[dagger.mod]\nmain_object = {entry_point}\n")
        module = {
            "path": [str(self._folder / "site"), *self._source.import_paths],
            "entry_point": entry_point,
        }
        return [str(channel.fileno()), json.dumps(module)]

    def environ(self, home: Path) -> dict[str, str]:
        """Return the whole environment of a function's process, as the official runtime sets it."""
        return {
            "PATH": PATH,
            "HOME": str(home),
            "LANG": "C.UTF-8",
            "PYTHONUNBUFFERED": "1",
            "DAGGER_MODULE": self._source.name,
            "DAGGER_MAIN_OBJECT": self._source.main_object,
            "DAGGER_DEFAULT_PYTHON_PACKAGE": self._source.default_package,
        } | {name: os.environ[name] for name in CERTIFICATES if name in os.environ}

    async def run(self, session: dict[str, str], log: Stream) -> int:
        """Run the SDK's runner once, connected to a session, and return its exit status; log gets its output."""
        with self._folders() as (home, workdir):
            call = {"env": self.environ(home) | session, "workdir": str(workdir)}
            return await self._fork(json.dumps(call).encode(), log)

    def close(self) -> None:
        """End the process; each call has ended with its own."""
        self._channel.close()
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
        shutil.rmtree(self._folder, ignore_errors=True)

    @contextlib.contextmanager
    def _folders(self) -> Iterator[tuple[Path, Path]]:
        folder = Path(tempfile.mkdtemp(dir=self._folder, prefix="call-"))
        home, workdir = folder / "home", folder / "work"
        home.mkdir()
        workdir.mkdir()
        try:
            yield home, workdir
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    async def _fork(self, packet: bytes, log: Stream) -> int:
        output, theirs_output = os.pipe()
        fate, theirs_fate = os.pipe()
        try:
            socket.send_fds(self._channel, [packet], [theirs_output, theirs_fate])
        except OSError as error:
            os.close(output)
            os.close(fate)
            raise EngineError(f"the module's process has ended: {error}: run the command again") from error
        finally:
            os.close(theirs_output)
            os.close(theirs_fate)
        async with _reading(output) as lines, _reading(fate) as news:
            reading = asyncio.create_task(_log(lines, log))
            try:
                return await self._follow(news)
            finally:
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(reading, DRAIN_SECONDS)
                log.finish()

    async def _follow(self, news: asyncio.StreamReader) -> int:
        pid = 0
        try:
            async for line in news:
                what, _, number = line.decode().partition(" ")
                if what == "exit":
                    return int(number)
                pid = int(number)
        except asyncio.CancelledError:
            if pid:
                with contextlib.suppress(ProcessLookupError, PermissionError):
                    os.killpg(pid, signal.SIGKILL)
            raise
        raise EngineError("the module's process was killed from outside: run the command again")


@contextlib.asynccontextmanager
async def _reading(descriptor: int):  # type: ignore[no-untyped-def]  # noqa: ANN202 - the type follows from the decorator
    loop = asyncio.get_running_loop()
    reader = asyncio.StreamReader()
    transport, _ = await loop.connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(reader), os.fdopen(descriptor, "rb")
    )
    try:
        yield reader
    finally:
        transport.close()


async def _log(output: asyncio.StreamReader, log: Stream) -> None:
    while piece := await output.read(PIECE):
        log.add(piece)
