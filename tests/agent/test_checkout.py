"""Which commit sources are of: real repositories, made by git."""

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from ci.agent.checkout import Checkout, read_checkout

FOLDER, BESIDE = "service", ["pipeline.toml"]
Git = Callable[..., str]


@pytest.fixture
def git(tmp_path: Path) -> Git:
    folder = tmp_path / "repository"
    folder.mkdir()

    def run(*words: str) -> str:
        author = ("-c", "user.name=Author", "-c", "user.email=author@example.org")
        done = subprocess.run(["git", *author, *words], cwd=folder, capture_output=True, text=True, check=True)
        return done.stdout.strip()

    run("init", "--quiet", "--initial-branch=main")
    (folder / "service").mkdir()
    (folder / "service" / "app.py").write_text("print()\n")
    (folder / "service" / "run").write_text("#!/bin/sh\n")
    (folder / "service" / "run").chmod(0o755)
    (folder / "service" / "link").symlink_to("nowhere")
    (folder / "pipeline.toml").write_text("[app]\n")
    (folder / "README").write_text("Read me\n")
    (folder / ".gitignore").write_text("*.log\n")
    run("add", ".")
    run("commit", "--quiet", "--message=First")
    return run


@pytest.fixture
def folder(git: Git, tmp_path: Path) -> Path:
    assert git("status", "--porcelain") == ""
    return tmp_path / "repository"


def seen(folder: Path) -> Checkout:
    return read_checkout(folder, folder, FOLDER, BESIDE)


def test_clean_checkout_is_described_by_its_commit(folder: Path, git: Git) -> None:
    found = seen(folder)
    assert found.commit == git("rev-parse", "HEAD")
    assert (found.author, found.tags, found.dirty) == ("author@example.org", (), False)


def test_packed_and_annotated_tags_are_found(folder: Path, git: Git) -> None:
    git("tag", "v1.0.0")
    git("tag", "--annotate", "--message=Second", "v1.0.1")
    git("commit", "--allow-empty", "--quiet", "--message=Next")
    git("tag", "v2.0.0")
    assert seen(folder).tags == ("v2.0.0",)
    git("checkout", "--quiet", "v1.0.1")
    git("pack-refs", "--all")
    git("gc", "--quiet")
    found = seen(folder)
    assert found.tags == ("v1.0.0", "v1.0.1")
    assert not found.dirty


@pytest.mark.parametrize(
    "change",
    [
        lambda folder: (folder / "service" / "app.py").write_text("print(1)\n"),
        lambda folder: (folder / "service" / "new.py").write_text(""),
        lambda folder: (folder / "service" / "app.py").unlink(),
        lambda folder: (folder / "service" / "app.py").chmod(0o755),
        lambda folder: (folder / "pipeline.toml").write_text("[app] # changed\n"),
    ],
    ids=["changed", "added", "removed", "made executable", "settings changed"],
)
def test_sources_that_differ_from_the_commit_are_dirty(folder: Path, change: Callable[[Path], object]) -> None:
    clean = seen(folder)
    change(folder)
    dirty = seen(folder)
    assert dirty.dirty
    assert dirty.commit == clean.commit


def test_changed_settings_are_dirty_but_no_sources(folder: Path) -> None:
    clean = seen(folder)
    (folder / "pipeline.toml").write_text("[app] # changed\n")
    assert seen(folder).sources == clean.sources
    (folder / "service" / "new.py").write_text("")
    assert seen(folder).sources != clean.sources


def test_ignored_files_and_other_folders_are_not_dirty(folder: Path) -> None:
    (folder / "service" / "debug.log").write_text("ignored")
    (folder / "README").write_text("changed, but not of the service")
    assert not seen(folder).dirty


def test_same_sources_have_one_digest_in_every_folder(folder: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    subprocess.run(["cp", "-r", str(folder), str(copy)], check=True)
    assert seen(copy).sources == seen(folder).sources


def test_sources_without_a_repository_have_no_commit(folder: Path, tmp_path: Path) -> None:
    found = read_checkout(tmp_path, folder, FOLDER, BESIDE)
    assert (found.commit, found.author, found.tags) == ("", "", ())
    assert found.sources == seen(folder).sources


def test_repository_without_a_commit_has_no_commit(tmp_path: Path) -> None:
    subprocess.run(["git", "init", "--quiet", str(tmp_path)], check=True)
    (tmp_path / "pipeline.toml").write_text("")
    assert read_checkout(tmp_path, tmp_path, FOLDER, BESIDE).commit == ""
