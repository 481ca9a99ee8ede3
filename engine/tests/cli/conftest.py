import contextlib
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from testing.screen import Screen

SAMPLES = Path(__file__).parents[1] / "modules" / "samples"
CI = Path(sys.executable).with_name("ci")


@dataclass
class Outcome:
    status: int
    out: str
    err: str


Ci = Callable[..., Outcome]
Sit = Callable[..., Screen]


@pytest.fixture(scope="session")
def environ(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """The environment of the commands: a cache of their own, which is emptied in the end, and no terminal."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("DAGGER_", "OTEL_"))}
    environ = kept | {"SLIPWAY_CACHE": str(tmp_path_factory.mktemp("cache")), "TERM": "dumb", "COLUMNS": "100"}
    yield environ
    subprocess.run([CI, "prune", "--all"], env=environ, check=True, capture_output=True)


@pytest.fixture
def ci(environ: dict[str, str]) -> Ci:
    """Run `ci` in the sample module's folder."""

    def run(*arguments: str, cwd: Path = SAMPLES / "kinds", **variables: str) -> Outcome:
        done = subprocess.run(
            [CI, *arguments], cwd=cwd, env=environ | variables, capture_output=True, text=True, timeout=120, check=False
        )
        return Outcome(done.returncode, done.stdout, done.stderr)

    return run


@pytest.fixture
def sit(environ: dict[str, str]) -> Iterator[Sit]:
    """Sit down at a terminal and run `ci` in the folder of the sample module whose steps fail."""
    with contextlib.ExitStack() as stack:

        def start(*arguments: str, cwd: Path = SAMPLES / "shells", **variables: str) -> Screen:
            return stack.enter_context(Screen(str(CI), *arguments, cwd=cwd, environ=environ | variables))

        yield start
