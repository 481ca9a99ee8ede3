"""Running programs and timing them."""

import contextlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

from bench.memory import Peak, watch_memory

ROOT = Path(__file__).parents[1]
CI = str(Path(sys.executable).with_name("ci"))


def log(text: str) -> None:
    """Print a line of progress to standard error, apart from the table."""
    print(text, file=sys.stderr, flush=True)


def run(*words: str, cwd: Path = ROOT, env: Mapping[str, str] | None = None) -> str:
    """Run a command and return its output; a failure ends the benchmark with the whole output."""
    done = subprocess.run(words, cwd=cwd, env=os.environ | dict(env or {}), capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"{' '.join(words)}: exit status {done.returncode}\n{done.stdout}{done.stderr}")
    return done.stdout.strip()


def run_with_progress(*words: str, cwd: Path, env: Mapping[str, str]) -> list[tuple[float, str]]:
    """Run a command and return the lines of its standard error, each with the seconds from the start to the line.

    A failure ends the benchmark.
    """
    began = time.monotonic()
    process = subprocess.Popen(
        words, cwd=cwd, env=os.environ | dict(env), stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
    )
    with process:
        assert process.stderr is not None  # noqa: S101 - it is a pipe
        lines = [(time.monotonic() - began, line) for line in process.stderr]
    if process.returncode:
        text = "".join(line for _, line in lines)
        raise SystemExit(f"{' '.join(words)}: exit status {process.returncode}\n{text}")
    return lines


def attempt(*words: str, env: Mapping[str, str] | None = None) -> None:
    """Run a clean-up command; its output and its failure are ignored."""
    subprocess.run(words, cwd=ROOT, env=os.environ | dict(env or {}), capture_output=True, check=False)


def docker(*words: str) -> str:
    """Run a docker command and return what it prints."""
    return run("docker", *words)


def seconds(*words: str, cwd: Path = ROOT, env: Mapping[str, str] | None = None) -> float:
    """Run a command and return how long it took."""
    began = time.monotonic()
    run(*words, cwd=cwd, env=env)
    return time.monotonic() - began


def seconds_and_peak(*words: str, env: Mapping[str, str]) -> tuple[float, Peak]:
    """Run a command and return how long it took, and the most memory that it and its children had."""
    began = time.monotonic()
    with tempfile.TemporaryFile("w+") as output:
        process = subprocess.Popen(words, cwd=ROOT, env=os.environ | dict(env), stdout=output, stderr=output)
        with watch_memory(process.pid) as peak:
            code = process.wait()
        took = time.monotonic() - began
        output.seek(0)
        if code:
            raise SystemExit(f"{' '.join(words)}: exit status {code}\n{output.read()}")
    return took, peak


@contextlib.contextmanager
def engine_cache() -> Iterator[dict[str, str]]:
    """Create an empty cache for an engine, and yield the environment variables that select it."""
    folder = tempfile.mkdtemp(prefix="slipway-bench-")
    env = {"SLIPWAY_CACHE": folder}
    try:
        yield env
    finally:
        attempt(CI, "prune", "--all", env=env)
        shutil.rmtree(folder, ignore_errors=True)


def steps(case: str, runs: int) -> list[list[float]]:
    """Measure a case of `bench.steps` in a session with an empty cache; one list of seconds a run."""
    with engine_cache() as env:
        printed = run(CI, "run", "--quiet", "--", sys.executable, "-m", "bench.steps", case, str(runs), env=env)
    found: list[list[float]] = json.loads(printed.splitlines()[-1])
    return found
