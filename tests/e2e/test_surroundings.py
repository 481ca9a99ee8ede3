"""The pipeline's surroundings, missing or broken: a sentence names what is wrong and what to do next."""

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.machine import a_free_port

from .conftest import Project, Serving


def test_missing_socket_of_a_target_is_named(project: Project, tmp_path: Path) -> None:
    gone = tmp_path / "docker.sock"
    outcome = project.ci("status", "--env=dev", constructor=(f"--docker={gone}",))
    assert (outcome.status, outcome.out) == (1, "")
    assert str(gone) in outcome.err.splitlines()[-1]


def test_engine_without_docker_names_the_set_up(project: Project, tmp_path: Path) -> None:
    outcome = project.ci("status", "--env=dev", DOCKER_HOST=f"unix://{tmp_path}/docker.sock")
    assert outcome.status == 1
    assert "the Docker daemon cannot be reached at unix://" in outcome.err
    assert "make setup" in outcome.err


@pytest.mark.full
def test_unreachable_registry_leaves_the_current_release_serving(serving: Serving, project: Project) -> None:
    before = serving.project.state().current
    project.change("service/src/greeter/__init__.py", "A service", "The service")
    registry = f"localhost:{a_free_port()}"
    settings = f"--overrides=registry.repository={registry}/greeter"
    outcome = project.ci("deploy", "--env=dev", constructor=(*project.constructor, settings))
    assert (outcome.status, outcome.out) == (1, "")
    assert registry in outcome.err.splitlines()[-1]
    assert serving.project.state().current == before


def test_invalid_repository_is_refused(project: Project) -> None:
    settings = "--overrides=registry.repository=localhost:5000/Greeter"
    outcome = project.ci("push", "--env=dev", constructor=(*project.constructor, settings))
    assert outcome.status == 1
    assert "registry.repository: must be a registry and a repository without a tag" in outcome.err


@pytest.mark.parametrize("content", [b"\xff\xfe", b"[", b"app = 3", b"", b"environments = [1]", None])
def test_malformed_settings_are_a_sentence_from_every_function(project: Project, content: bytes | None) -> None:
    path = project.folder / "pipeline.toml"
    path.unlink()
    if content is None:
        path.mkdir()
    else:
        path.write_bytes(content)
    running = [project.start(*command) for command in (("settings", "--env=dev"), ("deploy", "--env=dev"), ("lint",))]
    for process in running:
        out, err = process.communicate(timeout=120)
        assert (process.returncode, out, "Traceback" in err) == (1, "", False), err
        assert "pipeline.toml: " in err.splitlines()[-1]


def assert_cache_refused(project: Project, cache: Path) -> None:
    outcome = project.ci("status", "--env=dev", SLIPWAY_CACHE=str(cache))
    assert (outcome.status, outcome.out) == (1, "")
    message = outcome.err.splitlines()[-1]
    assert f"{cache}: the engine's cache folder cannot be used" in message
    assert "set SLIPWAY_CACHE to another folder" in message
    assert "Traceback" not in outcome.err


def test_cache_folder_that_is_a_file_is_refused(project: Project, tmp_path: Path) -> None:
    (tmp_path / "cache").write_text("")
    assert_cache_refused(project, tmp_path / "cache")


@pytest.fixture
def small(tmp_path: Path) -> Iterator[Path]:
    """A file system of 256 kB."""
    folder = tmp_path / "small"
    folder.mkdir()
    subprocess.run(["/bin/mount", "-t", "tmpfs", "-o", "size=256k", "tmpfs", str(folder)], check=True)
    yield folder
    subprocess.run(["/bin/umount", str(folder)], check=True)


def test_full_cache_folder_is_refused(project: Project, small: Path) -> None:
    (small / "filler").write_bytes(bytes(200 * 1024))
    assert_cache_refused(project, small)


def test_read_only_cache_folder_is_refused(project: Project, small: Path) -> None:
    subprocess.run(["/bin/mount", "-o", "remount,ro", str(small)], check=True)
    assert_cache_refused(project, small)
