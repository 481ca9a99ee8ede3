"""What is changed in a shell, as a patch: `--changes FILE`."""

import shutil
import subprocess
from pathlib import Path

import pytest

from .conftest import SAMPLES, Ci, Sit

EDITS = [
    "echo 42 >answer",
    "rm gone.txt; rm -r sub",
    "mv old.txt renamed.txt",
    "chmod +x script",
    r"printf '\0\7' >data.bin",
    "mkdir -p new/deep; echo new >'new/deep/a file'; ln -s ../answer new/link",
    "mkdir out __pycache__ .pytest_cache; touch out/x a.log __pycache__/x.pyc .pytest_cache/x",
    "touch -d 2001-01-01 test.sh",
]


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """A repository with the sample module in a folder of it."""
    repository = tmp_path / "repo"
    shutil.copytree(SAMPLES / "shells", repository / "module", ignore=shutil.ignore_patterns("__pycache__"))
    _git(repository, "init", "--quiet")
    _git(repository, "add", "--all")
    return repository


def test_the_patch_makes_the_test_pass(sit: Sit, ci: Ci, repository: Path) -> None:
    module, before = repository / "module", _git(repository, "write-tree").strip()
    screen = sit("call", "-i", "--changes", "fix.patch", "test", cwd=module)
    screen.wait_for()
    screen.run("; ".join(EDITS))
    status, told = screen.end()
    assert status == 1
    advice = f"git -C {repository} apply --directory=module/service {module / 'fix.patch'}"
    assert told.endswith(f"What was changed below /work is in fix.patch. To apply it:\n  {advice}\n")
    subprocess.run(advice, shell=True, check=True)  # noqa: S602 - as it is typed
    (module / "fix.patch").unlink()
    _git(repository, "add", "--all")
    assert _git(repository, "diff", "--cached", "--name-status", before, "module/service").splitlines() == [
        "M\tmodule/service/answer",
        "M\tmodule/service/data.bin",
        "D\tmodule/service/gone.txt",
        "A\tmodule/service/new/deep/a file",
        "A\tmodule/service/new/link",
        "R100\tmodule/service/old.txt\tmodule/service/renamed.txt",
        "M\tmodule/service/script",
        "D\tmodule/service/sub/.keep",
        "D\tmodule/service/sub/kept",
    ]
    assert ci("call", "test", cwd=module).status == 0


@pytest.mark.full
def test_mounted_folders_and_files(sit: Sit, tmp_path: Path) -> None:
    screen = sit("call", "--changes", str(tmp_path / "fix.patch"), "workbench", "terminal")
    screen.wait_for()
    screen.run("echo more >>mounted/there; echo new >mounted/new; echo more >>note; echo x >/cache/x; echo x >/tmp/x")
    status, told = screen.end()
    assert status == 0
    assert f"git apply --directory=FOLDER {tmp_path}/fix.patch" in told.replace(f"-C {Path.cwd()} ", "")
    patch = (tmp_path / "fix.patch").read_text()
    assert [line for line in patch.splitlines() if line.startswith("diff")] == [
        "diff --git a/mounted/new b/mounted/new",
        "diff --git a/mounted/there b/mounted/there",
        "diff --git a/note b/note",
    ]


@pytest.mark.full
def test_a_folder(sit: Sit, tmp_path: Path) -> None:
    screen = sit("call", "--changes", str(tmp_path / "p"), "workbench", "directory", "--path=/work", "terminal")
    screen.wait_for()
    screen.run("rm -r sub; mkdir sub; echo new >sub/new; rm answer; mkdir answer; echo in >answer/in")
    assert screen.end()[0] == 0
    patch = (tmp_path / "p").read_text()
    assert [line for line in patch.splitlines() if line.startswith(("diff", "deleted", "new"))] == [
        *("diff --git a/answer b/answer", "deleted file mode 100644"),
        *("diff --git a/answer/in b/answer/in", "new file mode 100644"),
        *("diff --git a/sub/.keep b/sub/.keep", "deleted file mode 100644"),
        *("diff --git a/sub/kept b/sub/kept", "deleted file mode 100644"),
        *("diff --git a/sub/new b/sub/new", "new file mode 100644"),
    ]


@pytest.mark.full
def test_a_folder_made_anew_in_the_system(sit: Sit, tmp_path: Path) -> None:
    screen = sit("call", "-i", "--changes", str(tmp_path / "p"), "test")
    screen.wait_for()
    screen.run("rm -r sub; mkdir sub; echo new >sub/new; rm answer; mkdir answer; echo in >answer/in")
    assert screen.end()[0] == 1
    patch = (tmp_path / "p").read_text()
    assert [line.split()[-1] for line in patch.splitlines() if line.startswith("diff")] == [
        *("b/answer", "b/answer/in", "b/sub/.keep", "b/sub/kept", "b/sub/new"),
    ]  # fmt: skip


@pytest.mark.full
def test_nothing_was_changed(sit: Sit, tmp_path: Path) -> None:
    screen = sit("call", "-i", "--changes", str(tmp_path / "fix.patch"), "test")
    screen.wait_for()
    screen.run("mkdir __pycache__; touch __pycache__/x answer; mkdir empty")
    assert screen.end()[1].endswith(f"Nothing was changed below /work, so {tmp_path}/fix.patch was not written.\n")
    assert not (tmp_path / "fix.patch").exists()


@pytest.mark.full
def test_two_shells_write_two_patches(sit: Sit, tmp_path: Path) -> None:
    screen = sit("call", "-i", "--changes", str(tmp_path / "fix.patch"), "both")
    for text in ("first", "second"):
        screen.wait_for()
        screen.run(f"echo {text} >answer")
        screen.type("exit\n")
    assert screen.end("")[0] == 1
    assert "+first\n" in (tmp_path / "fix.patch").read_text()
    assert "+second\n" in (tmp_path / "fix-2.patch").read_text()


def test_no_shell_was_opened(ci: Ci, tmp_path: Path) -> None:
    outcome = ci("-q", "call", "--changes", str(tmp_path / "fix.patch"), "test", cwd=SAMPLES / "shells")
    assert outcome.status == 1
    assert outcome.err.endswith(f"--changes: no shell was opened, so {tmp_path}/fix.patch was not written\n")


def test_a_file_that_cannot_be_written(ci: Ci, tmp_path: Path) -> None:
    for place, why in ((tmp_path, "Is a directory"), (tmp_path / "no" / "fix.patch", "No such file or directory")):
        outcome = ci("call", "-i", "--changes", str(place), "test", cwd=SAMPLES / "shells")
        assert (outcome.status, outcome.out) == (2, "")
        assert outcome.err.startswith(f"Error: --changes: {place}: cannot be written: {why}\n")


@pytest.mark.full
def test_no_git(ci: Ci, tmp_path: Path) -> None:
    (tmp_path / "bin").mkdir()
    outcome = ci("call", "--changes", str(tmp_path / "p"), "test", cwd=SAMPLES / "shells", PATH=str(tmp_path / "bin"))
    assert outcome.status == 1
    assert outcome.err == "Error: --changes: patches are made by git, and it is not in the PATH: install git\n"


def _git(folder: Path, *words: str) -> str:
    return subprocess.run(["git", *words], cwd=folder, check=True, capture_output=True, text=True).stdout
