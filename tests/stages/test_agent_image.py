"""The agent's image: what it is built from, and the file that pins it."""

import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from ci.settings import Settings
from ci.stages.agent_image import PARTS, PROJECT, Pin, agent_inputs, agent_tag, write_pin

REPOSITORY = Path(__file__).parents[2]
TEXT = """
[app]
name = "shop"
module = "shop"

[registry]
repository = "localhost:5000/shop"

[environments.dev]
kind = "dev"
"""
SETTINGS = Settings.parse(TEXT)
IMPORT_ALL = """
import importlib, pkgutil, sys
sys.modules["dagger"] = None  # the image holds no Dagger client
import ci
for module in pkgutil.walk_packages(ci.__path__, "ci."):
    importlib.import_module(module.name)
    print(module.name)
"""
PRINT_INPUTS = f"""
from ci.settings import Settings
from ci.stages.agent_image import agent_inputs
print(agent_inputs(Settings.parse({TEXT!r})))
"""


def run_python(code: str, folder: Path) -> str:
    """Run Python code in a folder, which its `ci` is imported from, and return what it prints."""
    command = [sys.executable, "-S", "-c", f"import sys; sys.path += {sys.path[1:]!r}\n{code}"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


@pytest.fixture
def inputs(tmp_path: Path) -> Callable[..., str]:
    """The inputs of the agent in a copy of the module, in which one file is changed."""

    def calculate(changed: str = "") -> str:
        folder = tmp_path / (changed.replace("/", "-") or "as-it-is")
        shutil.copytree(REPOSITORY / "ci", folder / "ci", ignore=shutil.ignore_patterns("__pycache__"))
        for name in PROJECT:
            shutil.copy(REPOSITORY / name, folder)
        if changed:
            with (folder / changed).open("a") as file:
                file.write("\n# Changed.\n")
        return run_python(PRINT_INPUTS, folder)

    return calculate


def test_agent_imports_nothing_that_its_image_lacks(tmp_path: Path) -> None:
    for part in PARTS:
        source = REPOSITORY / part
        if source.is_dir():
            shutil.copytree(source, tmp_path / part)
        else:
            (tmp_path / part).parent.mkdir(exist_ok=True)
            shutil.copy(source, tmp_path / part)
    imported = run_python(IMPORT_ALL, tmp_path).split()
    assert {"ci.agent.__main__", "ci.delivery.deploy", "ci.targets.swarm.target"} <= set(imported)
    assert "ci.stages" not in imported


def test_inputs_are_the_same_in_every_folder(inputs: Callable[..., str]) -> None:
    assert inputs() == agent_inputs(SETTINGS)


@pytest.mark.parametrize("changed", ["ci/delivery/lock.py", "ci/agent/__main__.py", "ci/outcome.py", "uv.lock"])
def test_changed_source_of_the_agent_changes_the_inputs(inputs: Callable[..., str], changed: str) -> None:
    assert inputs(changed) != agent_inputs(SETTINGS)


def test_changed_stage_leaves_the_inputs_as_they_are(inputs: Callable[..., str]) -> None:
    assert inputs("ci/stages/lint.py") == agent_inputs(SETTINGS)


def test_inputs_depend_on_the_base_image_alone_of_all_settings() -> None:
    assert agent_inputs(Settings.parse(TEXT, ["app.port=9000", "environments.dev.replicas=7"])) == agent_inputs(
        SETTINGS
    )
    assert agent_inputs(Settings.parse(TEXT, ["images.python=python:3.14-slim"])) != agent_inputs(SETTINGS)


def test_tag_of_the_agent_is_reserved_and_names_its_inputs() -> None:
    assert agent_tag(SETTINGS) == f"agent-{agent_inputs(SETTINGS)[:32]}"


def test_pin_holds_the_inputs_and_the_image_by_digest() -> None:
    image = f"localhost:5000/shop@sha256:{'1' * 64}"
    text = write_pin(SETTINGS, image)
    assert Pin.model_validate_json(text) == Pin(inputs=agent_inputs(SETTINGS), image=image)
    # A file in a repository ends with its last line.
    assert text.endswith("}\n")
