"""What is written to the host stays where it was asked for."""

import io
import os
import tarfile
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from slipway_engine.errors import EngineError
from slipway_engine.files import tar
from slipway_engine.files.export import export_folder


async def stream(*entries: tuple[tarfile.TarInfo, bytes]) -> AsyncIterator[bytes]:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as archive:
        for entry, content in entries:
            archive.addfile(entry, io.BytesIO(content))
    yield packed.getvalue()


def link(name: str, target: str) -> tarfile.TarInfo:
    entry = tarfile.TarInfo(name)
    entry.type, entry.linkname = tarfile.SYMTYPE, target
    return entry


async def test_exported_files_belong_to_the_caller_and_keep_their_modes(tmp_path: Path) -> None:
    entry = tar.regular("bin/run", 2)
    entry.mode, entry.uid, entry.gid = 0o4755, 12345, 12345
    await export_folder(stream((tar.folder("bin"), b""), (entry, b"ok")), tmp_path, wipe=False)
    found = (tmp_path / "bin" / "run").stat()
    assert (found.st_mode & 0o7777, found.st_uid, found.st_gid) == (0o4755, os.geteuid(), os.getegid())


async def test_a_link_may_lead_anywhere_but_nothing_is_written_through_it(tmp_path: Path) -> None:
    outside, target = tmp_path / "outside", tmp_path / "target"
    outside.mkdir()
    await export_folder(stream((link("way", str(outside)), b"")), target, wipe=False)
    assert (target / "way").readlink() == outside
    with pytest.raises(EngineError, match="outside of it"):
        await export_folder(stream((tar.regular("way/file", 2), b"no")), target, wipe=False)
    assert list(outside.iterdir()) == []
