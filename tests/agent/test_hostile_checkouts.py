"""Checkouts of every kind that people have: a recipe each, run by a shell in a repository with one commit."""

import shutil
import subprocess
from pathlib import Path

import pytest

from ci.agent.checkout import Checkout, read_checkout

FOLDER, BESIDE = "service", ["pipeline.toml"]
SETUP = """
commit() { git add .; git commit -q --message "$1"; }
git init -q -b main
mkdir service; echo 'print()' >service/app.py; echo '[app]' >pipeline.toml; commit First
mkdir ../library; cd ../library; git init -q -b main; echo 1 >one; commit Library; cd -
"""
ADD_SUBMODULE = "git submodule -q add ../library service/library; commit Submodule; "
ADD_LFS = """
echo '*.bin filter=lfs -text' >service/.gitattributes; printf data >service/a.bin
sum=$(sha256sum <service/a.bin | cut -c1-64)
printf 'version https://git-lfs.github.com/spec/v1\\noid sha256:%s\\nsize 4\\n' $sum >../pointer
git add service/.gitattributes
git update-index --add --cacheinfo 100644,$(git hash-object -w ../pointer),service/a.bin
git commit -qm LFS
"""
ADD_FILTER = "echo '*.py filter=lfs' >.gitattributes; commit Filter; "
CLONE_PARTS = "git config uploadpack.allowFilter true; git clone -q file://$PWD ../clone; cd ../clone"
# For git, nothing has changed.
CLEAN = {
    "as it is": "",
    "line ends of Windows": "echo '* text eol=crlf' >.gitattributes; commit E; rm service/*; git checkout -q .",
    "automatic line ends": "git config core.autocrlf true; rm service/app.py; git checkout -q .",
    "no file modes": "git config core.fileMode false; chmod +x service/app.py",
    "ignored by the clone alone": "echo '*.local' >>.git/info/exclude; touch service/x.local",
    "ignored by the repository": "echo '*.log' >.gitignore; commit Ignore; touch service/x.log",
    "ignored but committed": "echo '*.py' >.gitignore; commit Ignore",
    "large files": ADD_LFS,
    "large files that were never fetched": ADD_LFS + "cp ../pointer service/a.bin",
    "an empty large file": ADD_LFS
    + ": >service/e.bin; git -c filter.lfs.clean=cat add service/e.bin; git commit -qm E",
    "shallow clone": "git clone -q --depth 1 file://$PWD ../clone; cd ../clone",
    "clone without old files": CLONE_PARTS.replace("-q", "-q --filter=blob:none"),
    "clone without old folders": CLONE_PARTS.replace("-q", "-q --filter=tree:0"),
    "SHA-256": "rm -rf .git; git init -q -b main --object-format=sha256; commit First",
    "packed": "git tag v1; git gc -q; git pack-refs --all",
    "submodule": ADD_SUBMODULE,
    "submodule with another name": "git submodule -q add --name lib ../library service/library; commit Submodule",
    "submodule elsewhere": "git submodule -q add ../library library; commit Submodule; rm -rf library",
    "detached head": "git checkout -q --detach",
    "unusual names": r"echo 1 >'service/ä b[c]*'; commit Names",
}
# The sources differ from the commit's, even where git's index hides the change.
DIRTY = {
    "changed": "echo 1 >>service/app.py",
    "staged": "echo 1 >>service/app.py; git add .",
    "new": "touch service/new",
    "removed": "rm service/app.py",
    "made executable": "chmod +x service/app.py",
    "settings changed": "echo 1 >>pipeline.toml",
    "assumed to be unchanged": "git update-index --assume-unchanged service/app.py; echo 1 >>service/app.py",
    "skipped": "git update-index --skip-worktree service/app.py; echo 1 >>service/app.py",
    "a large file's content": ADD_LFS + "printf other >service/a.bin",
    "a submodule's file": ADD_SUBMODULE + "echo 2 >service/library/one",
    "a submodule's commit": ADD_SUBMODULE + "git -C service/library commit -q --allow-empty -m Other",
}
# What cannot be compared, and a part of the sentence that says what to do.
REFUSED = {
    "worktree": ("git worktree add -q ../tree; cd ../tree", "git clone"),
    "the folder of a submodule": (ADD_SUBMODULE + "cd service/library", "git clone"),
    "shared clone": ("git clone -q --shared . ../clone; cd ../clone", "git repack -a -d"),
    "clone with a reference": ("git clone -q --reference $PWD file://$PWD ../r; cd ../r", "git repack -a -d"),
    "submodule that is not checked out": (
        ADD_SUBMODULE + "git submodule -q deinit -f .",
        "git submodule update --init service/library",
    ),
    "another filter": ("echo '*.py filter=git-crypt' >.gitattributes; commit F", "the git filter git-crypt"),
}
# Settings by which git would run a program of the repository's, which leaves a file.
PROGRAMS = {
    "file monitor": "git config core.fsmonitor 'touch ../ran; false'",
    "filter": ADD_FILTER + "git config filter.lfs.clean 'touch ../ran; cat'",
    "filter process": ADD_FILTER + "git config filter.lfs.process 'touch ../ran; false'",
    "hook": "cp ../hook .git/hooks/post-index-change",
    "hooks elsewhere": "mkdir ../hooks; cp ../hook ../hooks/post-index-change; git config core.hooksPath ../hooks",
    "included settings": "git config include.path ../../more; "
    "git config --file ../more core.fsmonitor 'touch ../ran; false'",
}
HOOK = r"printf '#!/bin/sh\ntouch ../ran\n' >../hook; chmod +x ../hook; "


@pytest.fixture
def place(tmp_path: Path) -> Path:
    folder = tmp_path / "repository"
    folder.mkdir()
    return folder


def checkout(place: Path, recipe: str) -> Path:
    """Carry out a recipe, and return the folder in which it ends."""
    options = {"user.name": "Author", "user.email": "author@example.org", "protocol.file.allow": "always"}
    env = {"PATH": "/usr/bin:/bin", "HOME": str(place), "GIT_CONFIG_COUNT": str(len(options))}
    for number, (name, value) in enumerate(options.items()):
        env |= {f"GIT_CONFIG_KEY_{number}": name, f"GIT_CONFIG_VALUE_{number}": value}
    script = f"set -e\n{SETUP}{recipe}\npwd"
    done = subprocess.run(["sh", "-c", script], cwd=place, env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return Path(done.stdout.rstrip("\n").rpartition("\n")[2])


def seen(folder: Path, sources: Path | None = None, path: str = FOLDER) -> Checkout:
    return read_checkout(folder, sources or folder, path, BESIDE)


@pytest.mark.parametrize("recipe", CLEAN.values(), ids=CLEAN)
def test_clean_checkouts_are_of_their_commit(place: Path, recipe: str) -> None:
    found = seen(checkout(place, recipe))
    assert (found.problem, found.changes, found.dirty) == ("", (), False)
    assert found.commit
    assert found.author == "author@example.org"


@pytest.mark.parametrize("recipe", DIRTY.values(), ids=DIRTY)
def test_changed_checkouts_are_dirty(place: Path, recipe: str) -> None:
    found = seen(checkout(place, recipe))
    assert (found.problem, found.dirty) == ("", True)
    assert len(found.changes) == 1


@pytest.mark.parametrize(("recipe", "advice"), REFUSED.values(), ids=REFUSED)
def test_checkouts_whose_commit_is_out_of_reach_say_what_to_do(place: Path, recipe: str, advice: str) -> None:
    found = seen(checkout(place, recipe))
    assert found.dirty
    assert advice in found.problem


@pytest.mark.parametrize("recipe", PROGRAMS.values(), ids=PROGRAMS)
def test_a_repository_runs_no_program(place: Path, recipe: str) -> None:
    folder, ran = checkout(place, f"{HOOK}{recipe}"), place.parent / "ran"
    (folder / "service" / "app.py").touch()
    subprocess.run(["git", "status"], cwd=folder, capture_output=True, check=False)
    assert ran.exists()
    ran.unlink()
    assert seen(folder).commit
    assert not ran.exists()


def test_the_service_s_folder_may_begin_with_a_dot(place: Path) -> None:
    folder = checkout(place, "")
    assert seen(folder, path="./service") == seen(folder)


@pytest.mark.parametrize("changes", [(), ("team/shop/service/app.py",)])
def test_sources_may_be_a_folder_of_the_repository(place: Path, changes: tuple[str, ...]) -> None:
    recipe = """\
    echo '*.log' >.gitignore; printf '*.py text eol=crlf\\n' >.gitattributes; mkdir -p team/shop team/bank
    git mv service pipeline.toml team/shop; mkdir team/bank/service; echo '[bank]' >team/bank/pipeline.toml
    commit Moved; rm team/shop/service/app.py; git checkout -q .; touch team/shop/service/x.log
    """
    folder = checkout(place, recipe + "".join(f"echo 1 >>{path}\n" for path in changes))
    sources = place.parent / "sources"
    shutil.copytree(folder / "team" / "shop", sources)
    found = seen(folder, sources)
    assert (found.problem, found.dirty, found.changes) == ("", bool(changes), changes)
