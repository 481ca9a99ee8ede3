"""Snapshots that are read from the host as long as it is as it was."""

import os
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest
import pytest_asyncio

from slipway_engine.engine import Engine
from slipway_engine.errors import EngineError
from slipway_engine.files import tar
from slipway_engine.model.tree import Filter, Location, Selected, Upload
from slipway_engine.trees import hosted


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "folder"
    (folder / "sub").mkdir(parents=True)
    (folder / "sub" / "a.txt").write_text("a")
    (folder / "sub" / "b.md").write_text("b")
    (folder / "link").symlink_to("sub")
    return folder


@pytest_asyncio.fixture
async def engine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Engine]:
    monkeypatch.setenv("SLIPWAY_CACHE", str(tmp_path / "cache"))
    async with Engine.open(tmp_path) as engine:
        yield engine


@pytest_asyncio.fixture
async def upload(engine: Engine, folder: Path) -> Upload:
    return await engine.uploads.take(folder, Filter())


async def names(engine: Engine, location: Location) -> list[str] | None:
    stream = hosted.stream(engine.uploads, location)
    return None if stream is None else sorted(await tar.read(stream, tar.listing))


async def test_the_whole_a_part_and_a_selection(engine: Engine, upload: Upload) -> None:
    assert await names(engine, Location(upload)) == ["", "link", "sub", "sub/a.txt", "sub/b.md"]
    assert await names(engine, Location(upload, "/sub")) == ["", "a.txt", "b.md"]
    assert await names(engine, Location(upload, "/sub/a.txt")) == ["a.txt"]
    chosen = Selected(Location(upload, "/sub"), Filter(include=("*.md",)))
    assert await names(engine, Location(chosen)) == ["", "b.md"]


async def test_a_selection_s_time_is_that_of_its_entries(engine: Engine, upload: Upload) -> None:
    stream = hosted.stream(engine.uploads, Location(Selected(Location(upload), timestamp=985550400)))
    assert stream
    assert await tar.read(stream, lambda archive: {entry.mtime for entry in archive}) == {985550400}


@pytest.mark.parametrize("change", ["text", "time", "removed", "link", "folder"])
async def test_docker_has_files_that_changed_on_the_host(
    engine: Engine, upload: Upload, folder: Path, change: str
) -> None:
    match change:
        case "text":
            (folder / "sub" / "a.txt").write_text("another")
        case "time":
            os.utime(folder / "sub" / "a.txt", (1, 1))
        case "removed":
            (folder / "sub" / "a.txt").unlink()
        case "link":
            (folder / "link").unlink()
            (folder / "link").symlink_to("sub/a.txt")
        case "folder":
            (folder / "sub").rename(folder / "other")
    assert await names(engine, Location(upload)) is None
    # What is left of it is at hand all the same.
    if change == "link":
        assert await names(engine, Location(upload, "/sub")) == ["", "a.txt", "b.md"]


async def test_a_folder_of_many_files_is_docker_s(
    engine: Engine, upload: Upload, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hosted, "MOST_ENTRIES", 4)
    assert await names(engine, Location(upload)) is None
    assert await names(engine, Location(upload, "/sub")) == ["", "a.txt", "b.md"]


async def test_another_session_s_snapshot_is_docker_s(engine: Engine, upload: Upload) -> None:
    assert await names(engine, Location(replace(upload, content="0" * 64))) is None


async def test_a_file_is_described_by_the_snapshot_alone(engine: Engine, upload: Upload, folder: Path) -> None:
    (folder / "sub" / "a.txt").write_text("another")
    assert hosted.stat(engine.uploads, Location(upload, "/sub/a.txt")) == (True, ("f", 0o644, 1))
    assert hosted.stat(engine.uploads, Location(upload, "/sub/none")) == (True, None)
    # A link leads to where only the files themselves tell.
    assert hosted.stat(engine.uploads, Location(upload, "/link/a.txt")) == (False, None)
    assert hosted.stat(engine.uploads, Location(upload, "/link")) == (False, None)


async def test_failed_copy_fails_only_the_steps_that_need_it(engine: Engine, folder: Path) -> None:
    upload = await engine.uploads.take(folder, Filter())
    (folder / "sub" / "a.txt").unlink()
    with pytest.raises(EngineError, match=r"a\.txt: changed while it was read \(no such file or directory\): run"):
        await engine.uploads.image(upload.content)
