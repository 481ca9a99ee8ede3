"""Two builds of the same sources, each on an empty cache, are the same image."""

import hashlib
import io
import json
import shutil
import tarfile
from pathlib import Path
from typing import Any

import pytest

from .conftest import Project, a_cache

Files = dict[str, tuple[Any, ...]]


def built(project: Project, folder: Path) -> tuple[str, list[Files]]:
    """Build the image of a copy of the sources, and return its configuration's digest and its layers' files."""
    copy, archive = folder / "copy", folder / "image.tar"
    # Copied, with other times: only the contents may count.
    shutil.copytree(project.folder, copy, copy_function=shutil.copyfile)
    with a_cache(folder / "cache") as environ:
        outcome = Project(copy, project.module, environ).ci("build", "as-tarball", f"--output={archive}")
        assert outcome.status == 0, outcome.err
    with tarfile.open(archive) as image:
        (manifest,) = json.loads(_read(image, "manifest.json"))
        return manifest["Config"], [_files(_read(image, layer)) for layer in manifest["Layers"]]


def _read(archive: tarfile.TarFile, name: str) -> bytes:
    file = archive.extractfile(name)
    assert file
    return file.read()


def _files(layer: bytes) -> Files:
    with tarfile.open(fileobj=io.BytesIO(layer)) as archive:
        return {
            entry.name: (
                entry.type,
                oct(entry.mode),
                entry.mtime,
                (entry.uid, entry.gid),
                entry.linkname,
                hashlib.sha256(_read(archive, entry.name)).hexdigest() if entry.isreg() else "",
            )
            for entry in archive
        }


@pytest.mark.full
def test_two_builds_are_the_same_image(project: Project, tmp_path: Path) -> None:
    folders = tmp_path / "one", tmp_path / "two"
    for folder in folders:
        folder.mkdir()
    (first, layers), (second, others) = (built(project, folder) for folder in folders)
    for layer, other in zip(layers, others, strict=True):
        differing = {name for name in layer.keys() | other.keys() if layer.get(name) != other.get(name)}
        assert {name: (layer.get(name), other.get(name)) for name in sorted(differing)} == {}
    assert first == second
    (service,) = (layer for layer in layers if "app/src/greeter/__main__.py" in layer)
    assert {entry[2] for name, entry in service.items() if name.startswith("app")} == {315532800}
