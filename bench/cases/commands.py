"""(i) to (m) What a developer waits for, from Enter to the command's exit: changes, rollbacks, and what only reads."""

import asyncio
import re
import shutil
import tempfile
import time
import uuid
from collections.abc import Iterator
from pathlib import Path

from bench.commands import CI, ROOT, attempt, docker, engine_cache, log, run, run_with_progress
from bench.table import Note, Row
from ci.settings import FILE, Settings
from ci.targets.stack import Stack
from ci.targets.swarm.removal import remove_stack
from ci.targets.swarm.target import SwarmTarget
from tests.machine import a_free_port

SOCKET, REGISTRY = "/var/run/docker.sock", "tcp://localhost:5000"
# The unit tests' step in the plain progress: its number, and then how long it took.
TESTS = re.compile(r"^#(?P<step>\d+) python -m pytest tests/unit", re.MULTILINE)
# The agent's line when traffic has been switched.
SERVING = re.compile(r"^#\d+ switch: .* serves at ")
READS = ("status", "history", "report")


class Example:
    """A copy of the repository's example, with a stack and a repository of its own."""

    def __init__(self, folder: Path, env: dict[str, str]) -> None:
        """Copy the example."""
        self.folder, self.env = folder, env
        self.name = f"slipway-bench-{uuid.uuid4().hex[:8]}"
        ignored = shutil.ignore_patterns(".*", "__pycache__")
        shutil.copytree(ROOT / "examples", folder / "examples", ignore=ignored)
        text = (ROOT / FILE).read_text().replace('name = "orders"', f'name = "{self.name}"')
        text = text.replace("localhost:5000/orders", f"localhost:5000/{self.name}")
        (folder / FILE).write_text(text.replace("edge.port = 8080", f"edge.port = {a_free_port()}"))

    def call(self, *words: str) -> tuple[float, list[tuple[float, str]]]:
        """Run `ci call`, and return how long it took, and the lines of its progress with their times."""
        began = time.monotonic()
        given = (f"--docker={SOCKET}", f"--registry={REGISTRY}")
        progress = run_with_progress(
            *(CI, "--mod", str(ROOT), "--progress=plain", "call", "--source=.", *given, *words),
            cwd=self.folder,
            env=self.env,
        )
        return time.monotonic() - began, progress

    def change(self, number: int) -> None:
        """Change one line of the service."""
        file = self.folder / "examples/orders/src/orders/__init__.py"
        text = re.sub(r"PostgreSQL.*\.", f"PostgreSQL, change {number}.", file.read_text())
        file.write_text(text)

    def remove(self) -> None:
        """Remove the stack and its images."""
        asyncio.run(self._remove_stack())
        images = docker("image", "ls", "--quiet", f"localhost:5000/{self.name}").split()
        attempt("docker", "image", "rm", "--force", *images)

    async def _remove_stack(self) -> None:
        stack = Stack.of(Settings.parse((self.folder / FILE).read_text()), "dev")
        async with SwarmTarget.connect(stack) as target:
            await remove_stack(target.daemon, stack)


def measure(runs: int) -> Iterator[Row | Note]:
    """Deliver the example, and time each kind of command."""
    times: dict[str, list[float]] = {
        name: [] for name in ("serving", "change", "unchanged", "back", *READS, "functions")
    }
    with engine_cache() as env, tempfile.TemporaryDirectory(prefix="slipway-bench-") as folder:
        example = Example(Path(folder), env)
        try:
            example.call("deploy", "--env=dev")
            for number in range(runs):
                log(f"commands {number + 1}/{runs}")
                example.change(number)
                seconds, progress = example.call("deploy", "--env=dev")
                tests = _test_seconds("".join(line for _, line in progress))
                times["serving"].append(next(at for at, line in progress if SERVING.match(line)) - tests)
                times["change"].append(seconds - tests)
                times["unchanged"].append(example.call("deploy", "--env=dev")[0])
                times["back"].append(example.call("rollback", "--env=dev")[0])
                for name in READS:
                    times[name].append(example.call(name, "--env=dev")[0])
                began = time.monotonic()
                run(CI, "functions", env=env)
                times["functions"].append(time.monotonic() - began)
        finally:
            example.remove()
    yield Row("i", "rollback to a kept release", times["back"], wanted="≤ 3 s")
    yield Row("j", "deploy with nothing changed", times["unchanged"], wanted="≤ 4 s")
    yield Row("k", "one-line change: from Enter to serving in dev", times["serving"], wanted="≤ 8 s")
    yield Row("k", "one-line change: from Enter to exit, dev's window of 5 s included", times["change"])
    for name in READS:
        yield Row("l", name, times[name], wanted="≤ 1.5 s")
    yield Row("m", "ci functions", times["functions"], wanted="≤ 0.5 s")
    yield Note("i to m", "from Enter to exit, with the example service; (k) less the duration of the unit tests' step")


def _test_seconds(progress: str) -> float:
    """Return how long the unit tests' step took; 0: it came from the cache."""
    found = TESTS.search(progress)
    done = re.search(rf"^#{found['step']} DONE (\S+)s$", progress, re.MULTILINE) if found else None
    if done is None:
        return 0.0
    minutes, _, rest = done[1].rpartition("m")
    return 60 * float(minutes or 0) + float(rest)
