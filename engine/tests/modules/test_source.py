import json
import time
from pathlib import Path

import pytest

from slipway_engine.errors import Unsupported, UsageError
from slipway_engine.modules.source import ModuleSource
from slipway_engine.store.database import Store


def _module(folder: Path, **config: object) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "dagger.json").write_text(json.dumps({"name": "my-ci", "sdk": {"source": "python"}} | config))
    return folder


def test_it_is_found_from_inside(tmp_path: Path) -> None:
    root = _module(tmp_path / "project")
    inside = root / "a" / "b"
    inside.mkdir(parents=True)
    assert ModuleSource.find(None, inside).root == root
    assert ModuleSource.find("project", tmp_path).root == root
    assert ModuleSource.find("project/dagger.json", tmp_path).root == root


def test_it_is_not_found(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"dagger\.json was not found"):
        ModuleSource.find(None, tmp_path)
    with pytest.raises(UsageError, match="there is no such folder"):
        ModuleSource.find("nosuch", tmp_path)


@pytest.mark.parametrize("text", ["", "{", "[]", '{"sdk": "python"}'])
def test_error_names_the_place_of_a_broken_configuration(tmp_path: Path, text: str) -> None:
    (tmp_path / "dagger.json").write_text(text)
    with pytest.raises(UsageError, match=r"dagger\.json: cannot be read"):
        ModuleSource.find(None, tmp_path)


def test_another_sdk(tmp_path: Path) -> None:
    with pytest.raises(Unsupported, match="the SDK 'go'"):
        ModuleSource.find(None, _module(tmp_path, sdk="go"))


def test_entry_point_comes_from_pyproject(tmp_path: Path) -> None:
    source = ModuleSource.find(None, _module(tmp_path))
    (tmp_path / "pyproject.toml").write_text(
        '[project.entry-points."dagger.mod"]\nmain_object = "pipeline.main:MyCi"\n'
    )
    assert (source.entry_point, source.main_object) == ("pipeline.main:MyCi", "MyCi")
    with pytest.raises(UsageError, match="there is no package 'pipeline' in this module"):
        _ = source.package


def test_without_an_entry_point_the_package_bears_the_module_s_name(tmp_path: Path) -> None:
    folder = _module(tmp_path, source=".dagger")
    (folder / ".dagger" / "src" / "my_ci").mkdir(parents=True)
    source = ModuleSource.find(None, folder)
    assert source.entry_point == "my_ci:MyCi"
    assert source.package == folder / ".dagger" / "src" / "my_ci"


def test_the_context_is_the_repository_or_the_module(tmp_path: Path) -> None:
    folder = _module(tmp_path / "repository" / "ci")
    assert ModuleSource.find(None, folder).context == folder
    (tmp_path / "repository" / ".git").mkdir()
    assert ModuleSource.find(None, folder).context == tmp_path / "repository"


def test_digest_covers_all_sources_of_the_functions(tmp_path: Path) -> None:
    folder = _module(tmp_path / "module", include=["!my_ci/tests"])
    package = folder / "my_ci"
    (package / "tests").mkdir(parents=True)
    (package / "__init__.py").write_text("one")
    store = Store(tmp_path / "store")

    def digest() -> str:
        return ModuleSource.find(None, folder).digest(store)

    first = digest()
    (folder / "README.md").write_text("not code")
    (package / "tests" / "test.py").write_text("excluded")
    assert digest() == first
    time.sleep(0.02)
    (package / "__init__.py").write_text("two")
    second = digest()
    assert second != first
    (package / "data.txt").write_text("in the package")
    third = digest()
    assert third != second
    (folder / "uv.lock").write_text("locked")
    assert digest() not in {first, second, third}
    store.close()
