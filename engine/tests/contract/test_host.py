"""Host: folders, files and sockets of the machine that the client runs on."""

import asyncio
import os
from collections.abc import AsyncIterator
from pathlib import Path

import dagger
import pytest
import pytest_asyncio
from dagger import dag

C = dagger.Container


@pytest_asyncio.fixture(loop_scope="session")
async def socket_path(tmp_path: Path) -> AsyncIterator[Path]:
    """A Unix socket that answers every line with its capitals."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write((await reader.readline()).upper())
        await writer.drain()
        writer.close()
        await writer.wait_closed()

    async with await asyncio.start_unix_server(answer, tmp_path / "web.sock"):
        yield tmp_path / "web.sock"


async def test_directory(tmp_path: Path) -> None:
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "file").write_text("text")
    directory = dag.host().directory(str(tmp_path))
    assert await directory.glob("**/*") == ["sub/", "sub/file"]
    assert await directory.file("sub/file").contents() == "text"


async def test_relative_paths_are_of_the_working_directory() -> None:
    assert "pyproject.toml" in await dag.host().directory(".", include=["*.toml"]).entries()
    assert "slipway" in await dag.host().file("pyproject.toml").contents()


async def test_modes_links_and_empty_folders(base: C, tmp_path: Path) -> None:
    (tmp_path / "script").write_text("#!/bin/sh\necho ran\n")
    (tmp_path / "script").chmod(0o755)
    (tmp_path / "link").symlink_to("script")
    (tmp_path / "empty").mkdir()
    container = base.with_directory("/x", dag.host().directory(str(tmp_path)))
    shown = container.with_exec(["sh", "-c", "/x/script; readlink /x/link; ls -d /x/empty"])
    assert await shown.stdout() == "ran\nscript\n/x/empty\n"


async def test_times_are_kept(base: C, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    os.utime(tmp_path / "file", (985550400, 985550400))
    container = base.with_mounted_directory("/x", dag.host().directory(str(tmp_path)))
    assert await container.with_exec(["stat", "-c", "%Y", "/x/file"]).stdout() == "985550400\n"


async def test_owner_becomes_root(base: C, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    container = base.with_mounted_directory("/x", dag.host().directory(str(tmp_path)))
    assert await container.with_exec(["stat", "-c", "%u:%g", "/x/file"]).stdout() == "0:0\n"


async def test_names_that_are_not_ascii(tmp_path: Path) -> None:
    names = ["a b", "ü", "-x", "'q'", "$d"]
    for name in names:
        (tmp_path / name).write_text(name)
    directory = dag.host().directory(str(tmp_path))
    assert sorted(await directory.entries()) == sorted(names)
    assert await directory.file("ü").contents() == "ü"


async def test_include_and_exclude(tmp_path: Path) -> None:
    for name in ("a.py", "b.py", "c.txt"):
        (tmp_path / name).write_text(name)
    directory = dag.host().directory(str(tmp_path), include=["*.py"], exclude=["b.*"])
    assert await directory.entries() == ["a.py"]


async def test_a_change_is_seen(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("first")
    first = await dag.host().directory(str(tmp_path), no_cache=True).file("file").contents()
    (tmp_path / "file").write_text("second, longer")
    second = await dag.host().directory(str(tmp_path), no_cache=True).file("file").contents()
    assert (first, second) == ("first", "second, longer")


async def test_what_was_synced_stays_as_it_was(base: C, tmp_path: Path) -> None:
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "file").write_text("before")
    (tmp_path / "link").symlink_to("sub")
    directory = await dag.host().directory(str(tmp_path)).sync()
    (tmp_path / "sub" / "file").write_text("after, and longer")
    (tmp_path / "link").unlink()
    assert await directory.file("sub/file").contents() == "before"
    assert await directory.file("sub/file").stat().size() == 6
    assert await directory.exists("link/file")
    assert not await directory.exists("sub/other")
    shown = base.with_directory("/x", directory.directory("sub")).with_exec(["cat", "/x/file"])
    assert await shown.stdout() == "before"


async def test_the_same_folder_is_the_same_input(base: C, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    steps = [
        base.with_mounted_directory("/x", dag.host().directory(str(tmp_path))).with_exec(
            ["cat", "/proc/sys/kernel/random/uuid"]
        )
        for _ in range(2)
    ]
    assert await steps[0].stdout() == await steps[1].stdout()


async def test_missing_paths(tmp_path: Path) -> None:
    with pytest.raises(dagger.QueryError, match="missing"):
        await dag.host().directory(str(tmp_path / "missing")).sync()
    with pytest.raises(dagger.QueryError, match="missing"):
        await dag.host().file(str(tmp_path / "missing")).contents()


async def test_file(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("text")
    file = dag.host().file(str(tmp_path / "file"))
    assert await file.contents() == "text"
    assert await file.name() == "file"


async def test_unix_socket(socket_path: Path) -> None:
    python = dag.container().from_("python:3.13-slim").with_env_variable("HOST_PATH", str(socket_path))
    python = python.with_unix_socket("/run/web.sock", dag.host().unix_socket(str(socket_path)))
    script = (
        "import socket; s = socket.socket(socket.AF_UNIX); s.connect('/run/web.sock'); "
        "s.send(b'hello\\n'); print(s.makefile().readline())"
    )
    output = await python.with_exec(["python", "-c", script]).stdout()
    assert output == "HELLO\n\n"


async def test_find_up() -> None:
    assert await dag.host().find_up("pyproject.toml") is not None
    assert await dag.host().find_up("no-such-file-anywhere") is None


async def test_address(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("text")
    assert await dag.address(str(tmp_path)).directory().entries() == ["file"]
    assert await dag.address(str(tmp_path / "file")).file().contents() == "text"
    assert await dag.address(f"file://{tmp_path}/file").secret().plaintext() == "text"
    assert await dag.address("busybox:1").container().with_exec(["echo", "x"]).stdout() == "x\n"


async def test_version() -> None:
    assert (await dag.version()).startswith("v0.21.8")
