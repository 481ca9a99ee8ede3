"""Lock files of npm that do not fit their manifests."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from ci.stages.lock_files import NPM_LOCK

MANIFEST = {"name": "web", "dependencies": {"a": "^1.0.0"}, "devDependencies": {"b": "2"}}
LOCK = {"lockfileVersion": 3, "packages": {"": MANIFEST, "node_modules/a": {"version": "1.2.0"}}}


def check(folder: Path, manifest: dict[str, Any], lock: dict[str, Any]) -> str:
    (folder / "package.json").write_text(json.dumps(manifest))
    (folder / "package-lock.json").write_text(json.dumps(lock))
    command = [sys.executable, *NPM_LOCK[1:], "package-lock.json"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    assert not done.stderr
    assert bool(done.stdout) == bool(done.returncode)
    return done.stdout


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"dependencies": {"a": "^2.0.0"}}, "a"),
        ({"dependencies": {"a": "^1.0.0", "c": "1"}}, "c"),
        ({"devDependencies": {}}, "b"),
        ({"optionalDependencies": {"d": "1"}}, "d"),
    ],
)
def test_lock_file_of_another_manifest_is_a_finding(tmp_path: Path, change: dict[str, Any], named: str) -> None:
    expected = f"package-lock.json:1: is not up to date with package.json ({named}): run `npm install`\n"
    assert check(tmp_path, MANIFEST | change, LOCK) == expected


def test_lock_file_of_this_manifest_is_no_finding(tmp_path: Path) -> None:
    assert check(tmp_path, MANIFEST | {"scripts": {"test": "node --test"}}, LOCK) == ""
    # npm lists an optional dependency once, and people sometimes twice.
    twice = {"dependencies": {"a": "1"}, "optionalDependencies": {"a": "1"}}
    assert check(tmp_path, twice, {"packages": {"": {"optionalDependencies": {"a": "1"}}}}) == ""


def test_lock_file_of_the_first_version_lists_every_dependency(tmp_path: Path) -> None:
    assert check(tmp_path, MANIFEST, {"lockfileVersion": 1, "dependencies": {"a": {}, "b": {}}}) == ""
    assert "(b)" in check(tmp_path, MANIFEST, {"lockfileVersion": 1, "dependencies": {"a": {}}})


def test_members_of_a_workspace_are_compared(tmp_path: Path) -> None:
    member = tmp_path / "packages/one"
    member.mkdir(parents=True)
    (member / "package.json").write_text(json.dumps({"name": "one", "dependencies": {"x": "1"}}))
    manifest = {"name": "root", "workspaces": ["packages/*"]}
    lock = {"packages": {"": manifest, "node_modules/one": {"link": True}}}
    assert "(packages/one)" in check(tmp_path, manifest, lock)
    lock["packages"]["packages/one"] = {"dependencies": {"x": "1"}}
    assert check(tmp_path, manifest, lock) == ""
    lock["packages"]["packages/one"] = {"dependencies": {"x": "2"}}
    assert "(x)" in check(tmp_path, manifest, lock)
