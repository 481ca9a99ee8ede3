"""Shells at a terminal, on the chosen engine: in the step that failed, and in the image."""

from pathlib import Path

import pytest

from testing.screen import Screen

from .broken import broken
from .conftest import CI, TIMEOUT, Environ

pytestmark = pytest.mark.full

QUERY = "import os, psycopg; print(psycopg.connect(os.environ['DATABASE_URL']).execute('select 41 + 1').fetchone())"


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """A repository with the example in it, broken."""
    return broken(tmp_path / "repo")


@pytest.fixture
def command(pytestconfig: pytest.Config) -> str:
    """The command that calls functions on the chosen engine."""
    return str(CI) if pytestconfig.getoption("--engine") == "local" else "dagger"


def test_shell_is_in_the_step_that_failed(repository: Path, module: Path, environ: Environ, command: str) -> None:
    call = [command, "--mod", str(module), "call", "--source=."]
    with Screen(*call, "-i", "test", cwd=repository, environ=environ) as screen:
        before = _seated(screen, command)
        assert screen.run("pwd; id -u; echo $0; ls .coverage") == "/app\n0\n/bin/sh\n.coverage\n"
        assert screen.run(f'python -c "{QUERY}"') == "(42,)\n"
        screen.type("sh -c 'echo be\"\"gun; exec sleep 1000'\n")
        screen.wait_for("begun")
        screen.type("\x03")
        screen.wait_for()
        screen.resize(31, 99)
        assert screen.run("until stty size | grep 31; do sleep 0.1; done") == "31 99\n"
        status, after = screen.end()
    assert status == 1
    # `ci` prints the failure before the shell, `dagger` when the function has failed after it.
    last = (after if command == "dagger" else before).splitlines()[-12:]
    assert "Error: test failed: exit code 1" in last
    # Dagger's command does not say again what was typed.
    typed = "call -i" if command == "dagger" else f"-m {module} call -i --source=."
    assert f"  open a shell:    ci {typed} test" in last


def test_shell_in_the_image_stays_open(repository: Path, module: Path, environ: Environ, command: str) -> None:
    call = [command, "--mod", str(module), "call", "--source=.", "shell", "--stage", "build", "terminal"]
    with Screen(*call, cwd=repository, environ=environ) as screen:
        _seated(screen, command)
        assert screen.run("pwd; id -u") == "/app\n10001\n"
        assert screen.run(f'python -c "{QUERY}"') == "(42,)\n"
        assert screen.end()[0] == 0


def _seated(screen: Screen, command: str) -> str:
    """Wait for the shell, and return what was printed before it."""
    if command == "dagger":
        # Its live tree has dollar signs, too.
        screen.wait_for("ttaching terminal", seconds=TIMEOUT)
    return screen.wait_for(seconds=TIMEOUT)
