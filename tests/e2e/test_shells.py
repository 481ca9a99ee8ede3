"""A failing test of the example service: entered, on either engine, mended, and the fix taken out as a patch."""

import shlex
import shutil
import subprocess
from pathlib import Path

import pytest

from ci.settings import FILE
from tests.screen import Screen

from .conftest import CI, REPOSITORY, TIMEOUT, Environ

ROUTES = "src/orders/routes/customers.py"
WORKS, BROKEN = '@router.post("", status_code=201)', '@router.post("", status_code=200)'
ASKED = "import os, psycopg; print(psycopg.connect(os.environ['DATABASE_URL']).execute('select 41 + 1').fetchone())"
TESTS = "python -m pytest -q tests/unit/test_customers.py"


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """A repository with the example in it, broken."""
    ignored = shutil.ignore_patterns(".*", "__pycache__")
    shutil.copytree(REPOSITORY / "examples", tmp_path / "repo" / "examples", ignore=ignored)
    shutil.copy(REPOSITORY / FILE, tmp_path / "repo")
    routes = tmp_path / "repo" / "examples" / "orders" / ROUTES
    assert WORKS in routes.read_text()
    routes.write_text(routes.read_text().replace(WORKS, BROKEN))
    subprocess.run(["git", "init", "--quiet"], cwd=tmp_path / "repo", check=True)
    subprocess.run(["git", "add", "--all"], cwd=tmp_path / "repo", check=True)
    return tmp_path / "repo"


@pytest.fixture
def command(pytestconfig: pytest.Config) -> str:
    """What calls functions on the engine that was asked for."""
    return str(CI) if pytestconfig.getoption("--engine") == "local" else "dagger"


@pytest.mark.full
def test_the_shell_is_where_the_tests_failed(repository: Path, module: Path, environ: Environ, command: str) -> None:
    call = [command, "--mod", str(module), "call", "--source=."]
    with Screen(*call, "-i", "test", cwd=repository, environ=environ) as screen:
        told = _seated(screen, command)
        assert screen.run("pwd; id -u; echo $0; ls .coverage") == "/app\n0\n/bin/sh\n.coverage\n"
        assert screen.run(f'python -c "{ASKED}"') == "(42,)\n"
        screen.type("sh -c 'echo be\"\"gun; exec sleep 1000'\n")
        screen.wait_for("begun")
        screen.type("\x03")
        screen.wait_for()
        screen.resize(31, 99)
        assert screen.run("until stty size | grep 31; do sleep 0.1; done") == "31 99\n"
        status, told_after = screen.end()
    assert status == 1
    # `ci` tells of the failure before the shell, `dagger` when the function has failed after it.
    last = (told_after if command == "dagger" else told).splitlines()[-12:]
    assert "Error: test failed: exit code 1" in last
    assert "  to get into it:  ci call -i test" in last


@pytest.mark.full
def test_a_shell_in_the_image_stays_open(repository: Path, module: Path, environ: Environ, command: str) -> None:
    call = [command, "--mod", str(module), "call", "--source=.", "shell", "--stage", "build", "terminal"]
    with Screen(*call, cwd=repository, environ=environ) as screen:
        _seated(screen, command)
        assert screen.run("pwd; id -u; sleep 50") == "/app\n10001\n"
        assert screen.run(f'python -c "{ASKED}"') == "(42,)\n"
        assert screen.end()[0] == 0


@pytest.mark.full
@pytest.mark.parametrize("way", [["-i", "test"], ["shell", "--stage", "test", "terminal"]], ids=["failed", "shell"])
def test_a_fix_gets_out_of_the_shell(repository: Path, module: Path, environ: Environ, way: list[str]) -> None:
    call = [str(CI), "--mod", str(module), "call", "--source=."]
    with Screen(*call, "--changes=fix.patch", *way, cwd=repository, environ=environ) as screen:
        screen.wait_for(seconds=TIMEOUT)
        assert "assert 200 == 201" in screen.run(TESTS)
        screen.run(f"sed -i 's/, status_code=200/, status_code=201/' {ROUTES}")
        assert " passed" in screen.run(TESTS)
        status, told = screen.end()
    assert status == (1 if way[0] == "-i" else 0)
    command = "git apply --directory=examples/orders fix.patch"
    assert f"What was changed below /app is in fix.patch. To apply it:\n  {command}\n" in told
    patch = (repository / "fix.patch").read_text()
    assert [line for line in patch.splitlines() if line.startswith("diff")] == [f"diff --git a/{ROUTES} b/{ROUTES}"]
    subprocess.run(shlex.split(command), cwd=repository, check=True)
    done = subprocess.run([*call, "test", "summary"], cwd=repository, env=environ, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr.decode()


def _seated(screen: Screen, command: str) -> str:
    """Wait for the shell, and return what was told before it."""
    if command == "dagger":
        # Its live tree has dollar signs, too.
        screen.wait_for("ttaching terminal", seconds=TIMEOUT)
    return screen.wait_for(seconds=TIMEOUT)
