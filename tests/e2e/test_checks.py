"""Tests and linters, as people see their failures."""

import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest

from .conftest import Project


def test_failed_unit_test_ends_with_its_assertion(project: Project) -> None:
    project.add("service/tests/unit/test_answers.py", '\n\ndef test_of_today() -> None:\n    assert GREETING == "hi"\n')
    outcome = project.ci("test")
    assert outcome.status == 1
    output, _, _ = outcome.err.rpartition("\n\nError: ")
    *_, failed, count = output.splitlines()
    assert failed.strip().startswith("FAILED tests/unit/test_answers.py::test_of_today - AssertionError: assert 'he")
    assert count.strip().startswith("====")
    assert "E       AssertionError: assert 'hello' == 'hi'" in "\n".join(output.splitlines()[-15:])
    assert "Cover" not in outcome.err


def test_missing_folder_of_tests_is_told_before_anything_is_built(project: Project) -> None:
    shutil.rmtree(project.folder / "service/tests/integration")
    shutil.rmtree(project.folder / "service/tests/unit")
    outcome = project.ci("deploy", "--env=dev")
    assert outcome.status == 1
    story = outcome.err.rpartition("Error: ")[2]
    for setting in ("unit", "integration"):
        assert f"pipeline.toml: app.tests.{setting}: there is no tests/{setting} in service" in story
    assert "uv sync" not in outcome.err


DOCKERFILE = """\
FROM python:3.13-slim
RUN apt-get update && apt-get install -y curl=8.14.1-2 && rm -rf /var/lib/apt/lists/*
WORKDIR /app
COPY . .
CMD ["python", "-m", "greeter"]
"""


def test_findings_of_all_linters_come_in_one_run(project: Project) -> None:
    project.change("service/src/greeter/answers.py", "GREETING =", "import os\n\nCOUNT: int = 'a'\n\nGREETING =")
    project.add("service/a.sh", '#!/bin/sh\nfor x in $(ls); do echo "$y"; done\n')
    outcome = project.ci("lint")
    assert outcome.status == 1
    story = outcome.err.rpartition("\n\nError: ")[2]
    for finding in (
        "service/src/greeter/answers.py:3:8: F401 [*] `os` imported but unused (ruff)",
        "service/src/greeter/answers.py:5:14: is not formatted as `ruff format` does it (ruff format)",
        "service/src/greeter/answers.py:5: error: Incompatible types in assignment",
        "service/a.sh:2:26: warning: y is referenced but not assigned. [SC2154] (shellcheck)",
    ):
        assert finding in story
    for name in ("ruff", "ruff format", "mypy", "shellcheck"):
        assert f"lint ({name}) failed: exit code 1\n  what ran:        " in story
    assert story.count("run it alone:") == 1


def test_severities_that_stop_a_delivery_are_a_setting(project: Project) -> None:
    project.add("service/Dockerfile", DOCKERFILE)
    project.add("service/a.sh", "#!/bin/sh\necho $1\n")
    dockerfile = "--overrides=app.dockerfile=Dockerfile"
    linted = project.ci(dockerfile, "lint", "--json").json
    dl3015, sc2086 = linted["findings"]
    assert dl3015.startswith("service/Dockerfile:2: DL3015 info: ")
    assert sc2086.startswith("service/a.sh:2:6: note: ")
    assert "**Nothing that stops a delivery** by " in linted["summary"]
    stopped = project.ci(dockerfile, "--overrides=lint.fail_on=info", "lint")
    assert stopped.status == 1
    assert "lint (hadolint) failed: exit code 1" in stopped.err
    assert "lint (shellcheck) failed: exit code 1" in stopped.err
    assert "DL3015 info: " in stopped.err
    project.change("service/Dockerfile", "RUN apt-get update && ", "RUN apt-get update; cd /tmp && ")
    warned = project.ci(dockerfile, "lint")
    assert warned.status == 1
    assert "DL3003 warning: " in warned.err.rpartition("Error: ")[2]
    assert project.ci(dockerfile, "--overrides=lint.fail_on=error", "lint").status == 0


def test_own_settings_of_linters_count(project: Project) -> None:
    project.add("service/Dockerfile", DOCKERFILE.replace("curl=8.14.1-2", "curl"))
    project.add("service/a.sh", '#!/bin/sh\necho "$y"\n')
    project.change("service/src/greeter/answers.py", "GREETING =", "import os\n\nGREETING =")
    dockerfile = "--overrides=app.dockerfile=Dockerfile"
    story = project.ci(dockerfile, "lint").err.rpartition("\n\nError: ")[2]
    for code in ("DL3008", "SC2154", "F401"):
        assert code in story
    project.add("service/.hadolint.yaml", "ignored: [DL3008, DL3015]\n")
    # The repository's settings count where the service has none.
    project.add(".shellcheckrc", "disable=SC2154\n")
    project.change("service/pyproject.toml", "[tool.ruff]\n", '[tool.ruff]\nlint.ignore = ["F401", "I001", "E402"]\n')
    linted = project.ci(dockerfile, "lint", "--json")
    assert linted.json["findings"] == [], linted.err


def test_stale_lock_file_is_a_finding(project: Project) -> None:
    project.change("service/pyproject.toml", "pytest-cov>=6.0", "pytest-cov>=6.1")
    project.add("service/web/package.json", '{"name": "web", "dependencies": {"left-pad": "1"}}')
    project.add("service/web/package-lock.json", '{"lockfileVersion": 3, "packages": {"": {"name": "web"}}}')
    outcome = project.ci("lint")
    assert outcome.status == 1
    story = outcome.err.rpartition("\n\nError: ")[2]
    assert "service/uv.lock:1: is not up to date with pyproject.toml: run `uv lock` (uv lock)" in story
    assert "service/web/package-lock.json:1: is not up to date with package.json (left-pad)" in story


WORKSPACE = """\
[project]
name = "all"
version = "0"
requires-python = ">=3.11"

[tool.uv]
package = false
workspace.members = ["service", "libs/*"]
"""
LIBRARY = """\
[project]
name = "{name}"
version = "0.1.0"
requires-python = ">=3.11"
dependencies = [{dependencies}]

[build-system]
requires = ["uv_build>=0.9"]
build-backend = "uv_build"

{sources}
"""
TEST = """\


def test_of_the_library() -> None:
    import common
    import deeper

    assert common.GREETING == deeper.GREETING == "hello"
"""


def add_library(project: Project, name: str, dependencies: str, sources: str) -> None:
    text = LIBRARY.format(name=name, dependencies=dependencies, sources=sources)
    project.add(f"libs/{name}/pyproject.toml", text)
    project.add(f"libs/{name}/src/{name}/__init__.py", 'GREETING = "hello"\n')
    project.add(f"libs/{name}/src/{name}/py.typed", "")


def lock(folder: Path) -> None:
    kept = {name: value for name, value in os.environ.items() if name != "UV_FROZEN"}
    subprocess.run(["uv", "lock", "--quiet"], cwd=folder, env=kept, check=True)


@pytest.mark.parametrize("layout", ["workspace", "path"])
def test_service_with_packages_of_the_repository_is_tested_and_linted(project: Project, layout: str) -> None:
    workspace = layout == "workspace"
    add_library(project, "deeper", "", "")
    source = "[tool.uv.sources]\n{} = {{ %s }}" % ("workspace = true" if workspace else 'path = "../{}"')
    add_library(project, "common", '"deeper"', source.format("deeper", "deeper"))
    dependency = 'requires-python = ">=3.11"\ndependencies = ["common"]'
    project.change("service/pyproject.toml", 'requires-python = ">=3.11"', dependency)
    project.add("service/pyproject.toml", "\n" + source.format("common", "libs/common").replace("../", "../"))
    project.add("service/tests/unit/test_answers.py", TEST)
    if workspace:
        project.add("pyproject.toml", WORKSPACE)
        (project.folder / "service/uv.lock").unlink()
    lock(project.folder if workspace else project.folder / "service")
    assert project.ci("test", "--json").json["tests"] == 4
    linted = project.ci("lint")
    assert linted.status == 0, linted.err
    where = project.ci("build", "with-exec", "--args=python,-c,import common; print(common.__file__)", "stdout")
    assert where.out.startswith("/venv/lib/"), where.err
    project.change("libs/common/src/common/__init__.py", "hello", "goodbye")
    failed = project.ci("findings", "lines")
    assert "service/tests/unit/test_answers.py:" in failed.out
    assert "AssertionError: assert 'goodbye' == 'hello'" in failed.out
    project.change("service/pyproject.toml", "pytest-cov>=6.0", "pytest-cov>=6.1")
    stale = project.ci("lint").err.rpartition("\n\nError: ")[2]
    assert stale.startswith(f"{'uv.lock' if workspace else 'service/uv.lock'}:1: is not up to date with pyproject.toml")


SCRATCH = """\
FROM busybox:1 AS tools
FROM scratch
COPY --from=tools /bin/busybox /app
ENTRYPOINT ["/app"]
"""


def test_image_without_users_has_an_sbom(project: Project) -> None:
    project.add("service/Dockerfile", SCRATCH)
    made = project.ci("--overrides=app.dockerfile=Dockerfile", "sbom", "contents")
    assert made.status == 0, made.err
    assert json.loads(made.out)["components"] == []


def test_sbom_lists_the_packages_of_the_base_image(project: Project) -> None:
    made = project.ci("sbom", "contents")
    assert made.status == 0, made.err
    names = {component["purl"].partition("@")[0] for component in json.loads(made.out)["components"]}
    assert "pkg:deb/debian/libc6" in names
