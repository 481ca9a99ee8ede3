"""The set-up's own variables are checked before a step does anything."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

LOCK = """
version = 1
requires-python = ">=3.11"

[[package]]
name = "x"
version = "0"
source = { virtual = "." }
"""
STEPS = Path(__file__).parents[1] / "scripts" / "setup"


@pytest.mark.full
def test_uv_of_the_set_up_is_found_by_a_fresh_shell_until_it_is_undone(tmp_path: Path) -> None:
    # In a project of the test's own, whose virtual environment the undoing removes.
    home, state, root = tmp_path / "home", tmp_path / "state", tmp_path / "project"
    step = shutil.copytree(STEPS, root / "scripts" / "setup") / "uv"
    (root / "pyproject.toml").write_text('[project]\nname = "x"\nversion = "0"\nrequires-python = ">=3.11"\n')
    (root / "uv.lock").write_text(LOCK)
    environ = {
        **{name: value for name, value in os.environ.items() if name.startswith(("UV_", "PIP_", "SSL_"))},
        "HOME": str(home),
        "PATH": f"{home}/.local/bin:/usr/bin:/bin",
        "PYTHON": sys.executable,
        "SLIPWAY_STATE": str(state),
    }
    # As make calls it.
    own = environ | {"PATH": f"{environ['PATH']}:{state}/bin"}
    subprocess.run([step], env=own, capture_output=True, text=True, check=True)
    found = subprocess.run(["bash", "-c", "uv --version"], env=environ, capture_output=True, text=True, check=False)
    assert found.stdout.startswith("uv "), found.stderr
    subprocess.run([step, "undo"], env=own, capture_output=True, text=True, check=True)
    assert not list((home / ".local" / "bin").iterdir())
    assert not (root / ".venv").exists()


@pytest.mark.parametrize(
    ("step", "variable", "value"),
    [
        *(("registry", "REGISTRY_PORT", value) for value in ("abc", "0", "70000", "5000 ", "-1")),
        ("env", "REGISTRY_PORT", "5000/x"),
        ("images", "HUB_TIMEOUT", "soon"),
    ],
)
def test_malformed_variable_is_refused_by_name(step: str, variable: str, value: str, tmp_path: Path) -> None:
    environ = os.environ | {variable: value, "SLIPWAY_STATE": str(tmp_path)}
    done = subprocess.run([STEPS / step], env=environ, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (1, "")
    assert f"{variable}: must be a" in done.stderr
    assert f"(is '{value}')" in done.stderr
