"""Changeset: two folders compared, and what differs as a patch, a layer, counts, or applied elsewhere."""

import subprocess
from pathlib import Path

import dagger
import pytest
from dagger import DiffStatKind, dag

C = dagger.Container
D = dagger.Directory


@pytest.fixture
def old() -> D:
    """A folder before it is changed."""
    return (
        dag.directory()
        .with_new_file("kept", "kept\n")
        .with_new_file("changed", "one\ntwo\n")
        .with_new_file("gone", "gone\n")
        .with_new_file("folder/deep/a", "a\n")
        .with_new_file("folder/b", "b\nb\n")
        .with_new_directory("empty")
        .with_new_file("script", "#!/bin/sh\n", permissions=0o644)
    )


@pytest.fixture
def new() -> D:
    """The same folder changed."""
    return (
        dag.directory()
        .with_new_file("kept", "kept\n")
        .with_new_file("changed", "one\n2\n3\n")
        .with_new_file("fresh/deep/file", "fresh\n")
        .with_new_file("fresh.txt", "fresh")
        .with_new_directory("hollow")
        .with_new_file("script", "#!/bin/sh\n", permissions=0o755)
    )


async def test_paths_are_sorted_and_those_of_folders_end_in_a_slash(old: D, new: D) -> None:
    changes = new.changes(old)
    assert await changes.added_paths() == ["fresh.txt", "fresh/", "fresh/deep/", "fresh/deep/file", "hollow/"]
    assert await changes.modified_paths() == ["changed", "script"]
    assert await changes.removed_paths() == ["empty/", "folder/", "gone"]
    assert not await changes.is_empty()


async def test_before_and_after(old: D, new: D) -> None:
    changes = await new.changes(old).sync()
    assert await changes.before().file("changed").contents() == "one\ntwo\n"
    assert await changes.after().file("changed").contents() == "one\n2\n3\n"


async def test_nothing_differs(old: D) -> None:
    changes = old.with_timestamps(0).changes(old)
    assert await changes.is_empty()
    assert [await changes.added_paths(), await changes.modified_paths(), await changes.removed_paths()] == [[], [], []]
    assert await changes.as_patch().contents() == ""
    assert await changes.diff_stats() == []


async def test_a_folder_alone_is_a_path_and_no_change() -> None:
    changes = dag.directory().with_new_directory("hollow").changes(dag.directory())
    assert (await changes.is_empty(), await changes.added_paths()) == (True, ["hollow/"])


async def test_modes_count_as_git_sees_them() -> None:
    def with_mode(mode: int) -> D:
        return dag.directory().with_new_file("file", "x", permissions=mode)

    assert await with_mode(0o600).changes(with_mode(0o644)).modified_paths() == []
    assert await with_mode(0o744).changes(with_mode(0o644)).modified_paths() == ["file"]


async def test_owners_and_times_do_not_count(base: C) -> None:
    container = base.with_exec(["sh", "-c", "mkdir /d; echo x >/d/file"])
    touched = container.with_exec(["sh", "-c", "chown 7:7 /d/file; touch -d 2001-01-01 /d/file"])
    assert await touched.directory("/d").changes(container.directory("/d")).is_empty()


async def test_links(base: C) -> None:
    container = base.with_exec(["sh", "-c", "mkdir /d; cd /d; ln -s a link; ln -s a same; echo x >file"])
    other = container.with_exec(["sh", "-c", "cd /d; ln -sf b link; rm file; ln -s x file; echo x >a; ln a b"])
    changes = other.directory("/d").changes(container.directory("/d"))
    assert (await changes.added_paths(), await changes.modified_paths()) == (["a", "b"], ["file", "link"])


async def test_a_file_becomes_a_folder_and_a_folder_a_file() -> None:
    one = dag.directory().with_new_file("a", "a\n").with_new_file("b/c", "c\n")
    other = dag.directory().with_new_file("a/x", "x\n").with_new_file("b", "b\n")
    changes = other.changes(one)
    assert await changes.added_paths() == ["a/", "a/x", "b"]
    assert (await changes.modified_paths(), await changes.removed_paths()) == ([], ["a", "b/"])
    applied = one.with_changes(changes)
    assert (await applied.file("a/x").contents(), await applied.file("b").contents()) == ("x\n", "b\n")


async def test_layer_has_what_is_new_or_changed(old: D, new: D) -> None:
    layer = new.changes(old).layer()
    assert await layer.glob("**/*") == [
        "changed", "fresh/", "fresh/deep/", "fresh/deep/file", "fresh.txt", "hollow/", "script",
    ]  # fmt: skip


async def test_with_changes_changes_another_folder_likewise(old: D, new: D) -> None:
    other = old.with_new_file("own", "own").with_new_file("folder/own", "own")
    changed = other.with_changes(new.changes(old))
    assert await changed.entries() == ["changed", "fresh/", "fresh.txt", "hollow/", "kept", "own", "script"]
    assert await changed.file("changed").contents() == "one\n2\n3\n"


@pytest.mark.parametrize("name", ["a b", "a*b", "[ab]", "!ab", "a\\b", "ä", " a", "a "])
async def test_with_changes_takes_names_as_they_are(name: str) -> None:
    one = dag.directory().with_new_file("ab", "kept").with_new_file("a", "kept").with_new_file(name, "gone")
    changes = dag.directory().with_new_file("ab", "kept").with_new_file("a", "kept").changes(one)
    assert await one.with_changes(changes).entries() == ["a", "ab"]


async def test_stats(old: D, new: D) -> None:
    stats = [
        (await stat.path(), await stat.kind(), await stat.added_lines(), await stat.removed_lines())
        for stat in await new.changes(old).diff_stats()
    ]
    assert stats == [
        ("changed", DiffStatKind.MODIFIED, 2, 1),
        ("empty/", DiffStatKind.REMOVED, 0, 0),
        ("folder/", DiffStatKind.REMOVED, 0, 0),
        ("folder/b", DiffStatKind.REMOVED, 0, 2),
        ("folder/deep/", DiffStatKind.REMOVED, 0, 0),
        ("folder/deep/a", DiffStatKind.REMOVED, 0, 1),
        ("fresh.txt", DiffStatKind.ADDED, 1, 0),
        ("fresh/", DiffStatKind.ADDED, 0, 0),
        ("fresh/deep/", DiffStatKind.ADDED, 0, 0),
        ("fresh/deep/file", DiffStatKind.ADDED, 1, 0),
        ("gone", DiffStatKind.REMOVED, 0, 1),
        ("hollow/", DiffStatKind.ADDED, 0, 0),
        ("script", DiffStatKind.MODIFIED, 0, 0),
    ]


async def test_stats_of_a_renamed_file() -> None:
    text = "".join(f"line {number}\n" for number in range(9))
    one, other = dag.directory().with_new_file("a", text), dag.directory().with_new_file("b", text)
    (stat,) = await other.changes(one).diff_stats()
    assert (await stat.path(), await stat.old_path(), await stat.kind()) == ("b", "a", DiffStatKind.RENAMED)
    assert await other.changes(one).added_paths() == ["b"]


async def test_a_patch_that_git_applies(old: D, new: D, tmp_path: Path) -> None:
    patch = new.changes(old).as_patch()
    assert await patch.name() == "diff.patch"
    text = await patch.contents()
    assert "diff --git a/changed b/changed\n" in text
    assert "@@ -1,2 +1,3 @@\n one\n-two\n+2\n+3\n" in text
    assert "old mode 100644\nnew mode 100755\n" in text
    await old.export(str(tmp_path))
    subprocess.run(["git", "apply"], cwd=tmp_path, input=text, text=True, check=True)
    assert (tmp_path / "changed").read_text() == "one\n2\n3\n"
    assert (tmp_path / "script").stat().st_mode & 0o111
    assert [(tmp_path / name).exists() for name in ("gone", "folder", "fresh/deep/file")] == [False, False, True]


async def test_a_patch_of_bytes(base: C, tmp_path: Path) -> None:
    container = base.with_exec(["sh", "-c", r"mkdir /d; printf 'a\0b' >/d/data; printf 'gr\374n\r\n' >/d/latin"])
    other = container.with_exec(["sh", "-c", r"cd /d; printf 'a\0c' >data; printf 'gr\374ner\r\n' >latin"])
    await container.directory("/d").export(str(tmp_path))
    await other.directory("/d").changes(container.directory("/d")).as_patch().export(str(tmp_path / "patch"))
    subprocess.run(["git", "apply", "patch"], cwd=tmp_path, check=True)
    assert (tmp_path / "data").read_bytes() == b"a\0c"
    assert (tmp_path / "latin").read_bytes() == b"gr\xfcner\r\n"


async def test_export_changes_a_folder_of_the_host(old: D, new: D, tmp_path: Path) -> None:
    await old.export(str(tmp_path))
    (tmp_path / "own").write_text("own")
    assert await new.changes(old).export(str(tmp_path)) == str(tmp_path)
    found = sorted(path.name for path in tmp_path.iterdir())
    assert found == ["changed", "fresh", "fresh.txt", "hollow", "kept", "own", "script"]
    assert (tmp_path / "changed").read_text() == "one\n2\n3\n"


async def test_what_a_step_changed(base: C, tree: D) -> None:
    container = base.with_directory("/src", tree).with_workdir("/src")
    changed = container.with_exec(["sh", "-c", "echo new >a.txt; rm b.md; mkdir more"])
    changes = changed.directory("/src").changes(tree)
    assert (await changes.added_paths(), await changes.modified_paths()) == (["more/"], ["a.txt"])
    assert await changes.removed_paths() == ["b.md"]


async def test_merges_and_patches_are_refused_by_name(old: D, new: D, *, local: bool) -> None:
    changes = new.changes(old)
    if not local:
        assert "fresh.txt" in await old.with_patch_file(changes.as_patch()).entries()
        return
    for name, refused in {
        "Directory.withPatch": old.with_patch("").entries(),
        "Directory.withPatchFile": old.with_patch_file(changes.as_patch()).entries(),
        "Changeset.withChangeset": changes.with_changeset(changes).added_paths(),
        "Changeset.withChangesets": changes.with_changesets([changes]).added_paths(),
    }.items():
        with pytest.raises(dagger.QueryError, match=f"^{name} is not supported by the local engine"):
            await refused


async def test_a_removed_name_with_a_space() -> None:
    directory = dag.directory().with_new_file("a", "kept").with_new_file("a b", "gone")
    assert await directory.without_file("a b").entries() == ["a"]
