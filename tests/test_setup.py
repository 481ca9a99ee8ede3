"""The set-up's own variables are checked before a step does anything."""

import os
import subprocess
from pathlib import Path

import pytest

STEPS = Path(__file__).parents[1] / "scripts" / "setup"


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
