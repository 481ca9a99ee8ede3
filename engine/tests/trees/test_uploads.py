"""Large folders of the host: copied when a step needs them, and named."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from slipway_engine.docker.prune import prune
from slipway_engine.engine import Engine
from slipway_engine.errors import EngineError
from slipway_engine.model.step import Exec, FolderMount
from slipway_engine.model.tree import Filter, Image, Location, Upload
from slipway_engine.trees import uploads

LARGE = 1000


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with a large file."""
    place = tmp_path / "folder"
    place.mkdir()
    (place / "small").write_text("x")
    (place / "large").write_bytes(bytes(LARGE))
    (place / ".gitignore").write_text("large\n")
    return place


@pytest_asyncio.fixture
async def engine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Engine]:
    """An engine with a cache of its own, which takes little for large."""
    monkeypatch.setenv("SLIPWAY_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(uploads, "LARGE", LARGE)
    async with Engine.open(tmp_path) as engine:
        yield engine
        await prune(engine.daemon.docker, engine.store)


def copies(engine: Engine) -> list[str]:
    return [step.digest for step in engine.store.steps_by_use() if step.digest.startswith("upload-")]


async def read(engine: Engine, upload: Upload, script: str) -> str:
    """Run a step over a folder and return what it prints."""
    image = Image(await engine.daemon.images.pull("busybox:1"))
    mount = FolderMount("/mnt", Location(upload))
    return (await engine.runner.run(Exec(image, ("sh", "-c", script), mounts=(mount,)))).stdout


async def test_large_folder_is_not_copied_before_a_step_needs_it(engine: Engine, folder: Path) -> None:
    upload = await engine.uploads.take(folder, Filter())
    await engine.uploads.settle()
    assert copies(engine) == []
    assert not engine.uploads.lasts(upload)
    assert (await engine.trees.contents(Location(upload, "/small"))) == b"x"
    assert copies(engine) == []
    assert await engine.uploads.image(upload.content)
    assert copies(engine) == [f"upload-{upload.content}"]
    assert engine.uploads.lasts(upload)


async def test_large_file_is_named(engine: Engine, folder: Path) -> None:
    await engine.uploads.take(folder, Filter(exclude=("large",)))
    assert engine.uploads.large == {}
    await engine.uploads.take(folder, Filter())
    assert engine.uploads.large == {folder / "large": LARGE}


async def test_step_reads_a_large_folder(engine: Engine, folder: Path) -> None:
    upload = await engine.uploads.take(folder, Filter())
    assert await read(engine, upload, "wc -c < /mnt/large") == f"{LARGE}\n"


async def test_small_folder_is_copied_at_once(engine: Engine, folder: Path) -> None:
    upload = await engine.uploads.take(folder, Filter(exclude=("large",)))
    await engine.uploads.settle()
    assert copies(engine) == [f"upload-{upload.content}"]


async def test_gitignore_of_a_folder_that_was_not_copied_counts(engine: Engine, folder: Path) -> None:
    upload = await engine.uploads.take(folder, Filter())
    assert engine.uploads.gitignores(upload.content) == {"": "large\n"}


async def test_folder_that_changed_since_is_not_copied_under_its_old_digest(engine: Engine, folder: Path) -> None:
    upload = await engine.uploads.take(folder, Filter())
    (folder / "small").write_text("y")
    with pytest.raises(EngineError, match="changed while it was read: run the command again"):
        await engine.uploads.image(upload.content)
