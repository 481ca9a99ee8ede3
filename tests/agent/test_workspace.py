"""What a service needs of the repository beside its own folder, by its lock file."""

import pytest

from ci.agent.workspace import Workspace, find_workspace, lock_folders

ALONE = """
[[package]]
name = "api"
source = { virtual = "." }
dependencies = [{ name = "httpx" }]

[[package]]
name = "httpx"
source = { registry = "https://pypi.org/simple" }
"""
WORKSPACE = """
[[package]]
name = "root"
source = { virtual = "." }

[[package]]
name = "api"
source = { virtual = "services/api" }
dependencies = [{ name = "common" }]

[package.dev-dependencies]
dev = [{ name = "testing" }]

[[package]]
name = "common"
source = { editable = "libs/common" }
dependencies = [{ name = "base" }]

[[package]]
name = "base"
source = { editable = "libs/base" }

[[package]]
name = "testing"
source = { editable = "libs/testing" }

[[package]]
name = "other"
source = { editable = "services/other" }
"""
BESIDE = """
[[package]]
name = "api"
source = { virtual = "." }
dependencies = [{ name = "common" }]

[[package]]
name = "common"
source = { directory = "../../libs/common" }
"""


def test_service_of_its_own_needs_nothing_else() -> None:
    found = find_workspace("services/api", "services/api", ALONE)
    assert (found.root, found.members, found.dependencies, found.outside) == ("services/api", (), (), ())
    assert found.manifests == ("services/api/uv.lock", "services/api/pyproject.toml")


def test_member_of_a_workspace_needs_all_manifests_and_the_packages_that_it_depends_on() -> None:
    found = find_workspace("services/api", ".", WORKSPACE)
    assert found.root == "."
    assert found.dependencies == ("libs/common", "libs/testing", "libs/base")
    assert set(found.manifests) == {
        "uv.lock",
        "pyproject.toml",
        *(f"{folder}/pyproject.toml" for folder in (*found.dependencies, "services/api", "services/other")),
    }
    assert not [path for path in found.outside if path.startswith("services/api")]
    assert {"libs/base", "uv.lock"} <= set(found.outside)


def test_root_of_a_workspace_has_everything_inside() -> None:
    found = find_workspace(".", ".", WORKSPACE)
    assert (found.root, found.outside) == (".", ())
    assert "services/other/pyproject.toml" in found.manifests


def test_path_dependency_is_found_beside_the_service() -> None:
    found = find_workspace("services/api", "services/api", BESIDE)
    assert (found.root, found.dependencies) == (".", ("libs/common",))
    assert found.manifests == ("services/api/uv.lock", "services/api/pyproject.toml", "libs/common/pyproject.toml")


def test_path_dependency_outside_of_the_repository_is_refused() -> None:
    with pytest.raises(ValueError, match=r"common lies outside of the repository, in \.\./\.\./libs/common"):
        find_workspace("api", "api", BESIDE)


def test_lock_file_is_looked_for_upwards() -> None:
    assert lock_folders("services/api") == ("services/api", "services", ".")
    assert lock_folders(".") == (".",)
    assert Workspace(".", ".").root == "."
