"""What people install: two wheels, of which none makes a package `ci` importable beside their own code."""

import shutil
import subprocess
from pathlib import Path
from zipfile import ZipFile

import pytest

REPOSITORY = Path(__file__).parents[1]
# What an engine reads of a module when it loads one with a lock file.
MODULE = {"dagger.json", "pyproject.toml", "uv.lock", "README.md", "engine/pyproject.toml", "ci/__init__.py"}


@pytest.fixture(scope="module")
def wheels(tmp_path_factory: pytest.TempPathFactory) -> dict[str, set[str]]:
    """The names of the files in each wheel, by its distribution."""
    folder = tmp_path_factory.mktemp("wheels")
    uv = shutil.which("uv")
    assert uv is not None
    subprocess.run(
        [uv, "build", "--quiet", "--wheel", "--all-packages", f"--out-dir={folder}"], cwd=REPOSITORY, check=True
    )
    return {path.name.partition("-")[0]: set(ZipFile(path).namelist()) for path in folder.glob("*.whl")}


def packages(names: set[str]) -> set[str]:
    tops = {name.partition("/")[0] for name in names}
    return {top for top in tops if not top.endswith(".dist-info")}


def test_each_wheel_has_one_package_of_its_own_name(wheels: dict[str, set[str]]) -> None:
    assert {name: packages(names) for name, names in wheels.items()} == {
        "slipway_ci": {"slipway_ci"},
        "slipway_engine": {"slipway_engine"},
    }


def test_module_is_in_its_wheel_as_a_source_tree(wheels: dict[str, set[str]]) -> None:
    names = {name.removeprefix("slipway_ci/module/") for name in wheels["slipway_ci"]}
    assert names >= MODULE
    assert names >= {str(path.relative_to(REPOSITORY)) for path in (REPOSITORY / "ci").rglob("*.py")}


def test_engine_is_in_its_wheel_with_its_data(wheels: dict[str, set[str]]) -> None:
    source = REPOSITORY / "engine" / "src"
    files = {path for path in source.rglob("*") if path.is_file() and path.suffix != ".pyc"}
    assert wheels["slipway_engine"] >= {str(path.relative_to(source)) for path in files}
