"""File: contents and metadata."""

from pathlib import Path

import dagger
import pytest
from dagger import dag

C = dagger.Container
LINES = "one\ntwo\nthree\nfour\n"


def lines() -> dagger.File:
    return dag.file("lines.txt", LINES)


async def test_new_file() -> None:
    file = lines()
    assert await file.contents() == LINES
    assert await file.name() == "lines.txt"
    assert await file.size() == len(LINES)


async def test_contents_by_lines() -> None:
    assert await lines().contents(offset_lines=1, limit_lines=2) == "two\nthree\n"


async def test_contents_are_unicode(base: C) -> None:
    assert await dag.file("u", "ü€𝄞\0x").contents() == "ü€𝄞\0x"
    assert await base.with_new_file("/u", "ü€𝄞").with_exec(["wc", "-c", "/u"]).stdout() == "9 /u\n"


async def test_empty_file() -> None:
    assert await dag.file("empty", "").contents() == ""
    assert await dag.file("empty", "").size() == 0


async def test_large_file(base: C) -> None:
    made = base.with_exec(["sh", "-c", "head -c 20000000 /dev/zero > /large"]).file("/large")
    assert await made.size() == 20_000_000


async def test_contents_of_a_folder_is_an_error(tree: dagger.Directory) -> None:
    with pytest.raises(dagger.QueryError, match=r"is a directory|not a file"):
        await tree.file("sub").contents()


async def test_name_of_a_nested_file(tree: dagger.Directory) -> None:
    assert await tree.file("sub/deep/d.md").name() == "d.md"


async def test_with_name(tree: dagger.Directory) -> None:
    renamed = tree.file("a.txt").with_name("z.txt")
    assert await renamed.name() == "z.txt"
    assert await renamed.contents() == "a"


async def test_with_timestamps(base: C) -> None:
    container = base.with_mounted_file("/f", lines().with_timestamps(985550400))
    assert await container.with_exec(["stat", "-c", "%Y", "/f"]).stdout() == "985550400\n"


async def test_permissions(base: C) -> None:
    file = dag.file("f", "x", permissions=0o640)
    assert await base.with_mounted_file("/f", file).with_exec(["stat", "-c", "%a", "/f"]).stdout() == "640\n"
    assert await file.stat().permissions() == 0o640


async def test_chown(base: C) -> None:
    container = base.with_mounted_file("/f", lines().chown("3:4"))
    assert await container.with_exec(["stat", "-c", "%u:%g", "/f"]).stdout() == "3:4\n"


async def test_digest() -> None:
    assert (await lines().digest()).startswith("sha256:")
    assert await lines().digest() == await dag.file("lines.txt", LINES).digest()
    assert await lines().digest() != await dag.file("lines.txt", "other").digest()


async def test_digest_without_metadata() -> None:
    plain, private = dag.file("a", "x"), dag.file("b", "x", permissions=0o600)
    assert await plain.digest(exclude_metadata=True) == await private.digest(exclude_metadata=True)


async def test_with_replaced() -> None:
    assert await lines().with_replaced("two", "2").contents() == "one\n2\nthree\nfour\n"
    assert await lines().with_replaced("o", "0", all=True).contents() == "0ne\ntw0\nthree\nf0ur\n"
    with pytest.raises(dagger.QueryError, match="not found"):
        await lines().with_replaced("missing", "x").contents()
    with pytest.raises(dagger.QueryError, match="multiple"):
        await lines().with_replaced("o", "0").contents()


async def test_export_to_a_path(tmp_path: Path) -> None:
    target = tmp_path / "sub" / "file"
    assert await lines().export(str(target)) == str(target)
    assert target.read_text() == LINES


async def test_export_into_a_folder(tmp_path: Path) -> None:
    await lines().export(str(tmp_path), allow_parent_dir_path=True)
    assert (tmp_path / "lines.txt").read_text() == LINES


async def test_export_over_a_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(dagger.QueryError, match="directory"):
        await lines().export(str(tmp_path))


async def test_export_keeps_the_mode(tmp_path: Path) -> None:
    await dag.file("script", "x", permissions=0o755).export(str(tmp_path / "script"))
    assert (tmp_path / "script").stat().st_mode & 0o777 == 0o755


async def test_sync() -> None:
    assert await (await lines().sync()).contents() == LINES
