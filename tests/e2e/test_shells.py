"""A failing test of the example service: a person fixes it in the shell, and the fix comes out as a patch."""

import shlex
import subprocess
from pathlib import Path

import pytest

from testing.screen import Screen

from .broken import ROUTES, broken
from .conftest import CI, TIMEOUT, Environ

TESTS = "python -m pytest -q tests/unit/test_customers.py"


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """A repository with the example in it, broken."""
    return broken(tmp_path / "repo")


@pytest.mark.full
@pytest.mark.parametrize("way", [["-i", "test"], ["shell", "--stage", "test", "terminal"]], ids=["failed", "shell"])
def test_fix_gets_out_of_the_shell_as_a_patch(repository: Path, module: Path, environ: Environ, way: list[str]) -> None:
    call = [str(CI), "--mod", str(module), "call", "--source=."]
    with Screen(*call, "--changes=fix.patch", *way, cwd=repository, environ=environ) as screen:
        screen.wait_for(seconds=TIMEOUT)
        assert "assert 200 == 201" in screen.run(TESTS)
        screen.run(f"sed -i 's/, status_code=200/, status_code=201/' {ROUTES}")
        assert " passed" in screen.run(TESTS)
        status, output = screen.end()
    assert status == (1 if way[0] == "-i" else 0)
    command = "git apply --directory=examples/orders fix.patch"
    assert f"What was changed below /app is in fix.patch. To apply it:\n  {command}\n" in output
    patch = (repository / "fix.patch").read_text()
    assert [line for line in patch.splitlines() if line.startswith("diff")] == [f"diff --git a/{ROUTES} b/{ROUTES}"]
    subprocess.run(shlex.split(command), cwd=repository, check=True)
    done = subprocess.run([*call, "test", "summary"], cwd=repository, env=environ, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr.decode()
