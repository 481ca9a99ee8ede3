"""Walks over the host's folders."""

import os
from pathlib import Path

import pytest

from slipway_engine.errors import UsageError
from slipway_engine.files.manifest import Manifest
from slipway_engine.files.scan import Scan
from slipway_engine.model.tree import Filter


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "src").mkdir()
    (tmp_path / "src" / "a.py").write_text("a")
    (tmp_path / "src" / "b.txt").write_text("b")
    (tmp_path / "big").mkdir()
    (tmp_path / "big" / "ignored").write_text("x")
    (tmp_path / ".gitignore").write_text("*.txt\n")
    (tmp_path / "link").symlink_to("src/a.py")
    return tmp_path


def test_the_contents_make_the_digest_and_times_do_not(folder: Path) -> None:
    before = Manifest(Scan(folder, Filter(), {}).entries).digest
    os.utime(folder / "src" / "a.py", (1, 1))
    assert Manifest(Scan(folder, Filter(), {}).entries).digest == before
    (folder / "src" / "a.py").write_text("changed")
    assert Manifest(Scan(folder, Filter(), {}).entries).digest != before


def test_only_changed_files_are_hashed_again(folder: Path) -> None:
    first = Scan(folder, Filter(), {})
    second = Scan(folder, Filter(), first.known)
    assert first.hashed
    assert not second.hashed
    assert second.entries == first.entries


def test_filters_and_gitignore_choose(folder: Path) -> None:
    assert set(Scan(folder, Filter(include=("src/*.py",)), {}).entries) == {"", "src", "src/a.py"}
    assert "big" not in Scan(folder, Filter(exclude=("big",)), {}).entries
    assert "src/b.txt" not in Scan(folder, Filter(gitignore=True), {}).entries


def test_a_link_is_kept_as_a_link(folder: Path) -> None:
    assert Scan(folder, Filter(), {}).entries["link"] == ("l", 0o777, "src/a.py")


def test_scan_refuses_a_file(folder: Path) -> None:
    with pytest.raises(UsageError, match="is not a directory"):
        Scan(folder / "src" / "a.py", Filter(), {})
