"""Directory: building, reading, filtering, exporting, Docker's builder."""

from collections.abc import Callable
from pathlib import Path

import dagger
import pytest
from dagger import dag

D = dagger.Directory
C = dagger.Container


async def shown(base: C, directory: D, script: str) -> str:
    """Run a script in a folder that a container mounts."""
    mounted = base.with_mounted_directory("/m", directory).with_workdir("/m")
    return await mounted.with_exec(["sh", "-c", script]).stdout()


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


async def test_what_is_listed_is_in_the_order_of_a_walk() -> None:
    folder = dag.directory()
    for path in ("a/b", "a.txt", "a/b.c/x", "a-b", "a/b-c"):
        folder = folder.with_new_file(path, "x")
    assert await folder.entries() == ["a/", "a-b", "a.txt"]
    assert await folder.glob("**") == ["a/", "a/b", "a/b-c", "a/b.c/", "a/b.c/x", "a-b", "a.txt"]


async def test_empty() -> None:
    assert await dag.directory().entries() == []
    assert await dag.directory().glob("**/*") == []


async def test_entries_are_sorted_and_folders_end_in_a_slash(tree: D) -> None:
    assert await tree.entries() == ["a.txt", "b.md", "sub/"]
    assert await tree.entries(path="sub") == ["c.txt", "deep/"]


async def test_entries_of_a_missing_path(tree: D) -> None:
    with pytest.raises(dagger.QueryError, match="no such file or directory"):
        await tree.entries(path="missing")


@pytest.mark.parametrize(
    ("pattern", "found"),
    [
        ("*.txt", ["a.txt"]),
        ("**/*.txt", ["a.txt", "sub/c.txt"]),
        ("**/*.md", ["b.md", "sub/deep/d.md"]),
        ("*", ["a.txt", "b.md", "sub/"]),
        ("sub/*", ["sub/c.txt", "sub/deep/"]),
        ("**/*", ["a.txt", "b.md", "sub/", "sub/c.txt", "sub/deep/", "sub/deep/d.md"]),
        ("sub/**", ["sub/c.txt", "sub/deep/", "sub/deep/d.md"]),
        ("?.txt", ["a.txt"]),
        ("[ab].*", ["a.txt", "b.md"]),
        ("none*", []),
    ],
)
async def test_glob(tree: D, pattern: str, found: list[str]) -> None:
    assert await tree.glob(pattern) == found


async def test_new_files_overwrite_and_make_their_folders() -> None:
    directory = dag.directory().with_new_file("x/y/z", "old").with_new_file("x/y/z", "new")
    assert await directory.file("x/y/z").contents() == "new"
    assert await directory.glob("**/*") == ["x/", "x/y/", "x/y/z"]


async def test_new_directory_and_modes(base: C) -> None:
    directory = (
        dag.directory()
        .with_new_directory("open", permissions=0o777)
        .with_new_directory("plain")
        .with_new_file("script", "x", permissions=0o751)
        .with_new_file("file", "x")
    )
    assert await shown(base, directory, "stat -c '%n %a' *") == "file 644\nopen 777\nplain 644\nscript 751\n"


async def test_sub_directory_and_file(tree: D) -> None:
    assert await tree.directory("sub").entries() == ["c.txt", "deep/"]
    assert await tree.directory("sub").directory("deep").file("d.md").contents() == "d"
    assert await tree.file("sub/deep/d.md").contents() == "d"


async def test_missing_paths_are_errors(tree: D) -> None:
    with pytest.raises(dagger.QueryError, match="no such file or directory"):
        await tree.directory("missing").sync()
    with pytest.raises(dagger.QueryError, match="no such file or directory"):
        await tree.file("missing").contents()
    with pytest.raises(dagger.QueryError, match="not a directory"):
        await tree.directory("a.txt").sync()


async def test_name(tree: D) -> None:
    assert await tree.name() == "/"
    assert await tree.directory("sub/deep").name() == "deep/"


async def test_with_directory_merges(tree: D) -> None:
    other = dag.directory().with_new_file("c.txt", "other").with_new_file("e.txt", "e")
    merged = tree.with_directory("sub", other)
    assert await merged.directory("sub").entries() == ["c.txt", "deep/", "e.txt"]
    assert await merged.file("sub/c.txt").contents() == "other"


async def test_with_directory_filters(tree: D) -> None:
    assert await dag.directory().with_directory("x", tree, include=["*.txt"]).glob("**/*") == ["x/", "x/a.txt"]
    assert await dag.directory().with_directory("x", tree, exclude=["sub"]).glob("**/*") == ["x/", "x/a.txt", "x/b.md"]


async def test_with_directory_owner(base: C, tree: D) -> None:
    owned = dag.directory().with_directory("x", tree, owner="12:34")
    assert await shown(base, owned, "stat -c %u:%g x x/a.txt x/sub/deep") == "12:34\n12:34\n12:34\n"


async def test_with_empty_directory_makes_the_folder() -> None:
    assert await dag.directory().with_directory("x/y", dag.directory()).glob("**/*") == ["x/", "x/y/"]


async def test_with_file(base: C, tree: D) -> None:
    directory = dag.directory().with_file("x/renamed", tree.file("a.txt"), permissions=0o700)
    assert await directory.file("x/renamed").contents() == "a"
    assert await shown(base, directory, "stat -c %a x/renamed") == "700\n"


async def test_with_file_into_a_folder_keeps_its_name(tree: D) -> None:
    assert await dag.directory().with_file("x/", tree.file("a.txt")).glob("**/*") == ["x/", "x/a.txt"]


async def test_with_files(tree: D) -> None:
    directory = dag.directory().with_files("x", [tree.file("a.txt"), tree.file("sub/c.txt")])
    assert await directory.directory("x").entries() == ["a.txt", "c.txt"]


async def test_without(tree: D) -> None:
    assert await tree.without_file("a.txt").entries() == ["b.md", "sub/"]
    assert await tree.without_files(["a.txt", "sub/c.txt"]).glob("**/*.*") == ["b.md", "sub/deep/d.md"]
    assert await tree.without_directory("sub").entries() == ["a.txt", "b.md"]
    assert await tree.without_file("*.txt").entries() == ["b.md", "sub/"]
    assert await tree.without_file("missing").entries() == ["a.txt", "b.md", "sub/"]


async def test_diff(tree: D) -> None:
    changed = tree.with_new_file("b.md", "changed").with_new_file("sub/new", "new").without_file("a.txt")
    assert await tree.diff(changed).glob("**/*") == ["b.md", "sub/", "sub/new"]
    assert await tree.diff(tree).entries() == []


async def test_filter(tree: D) -> None:
    assert await tree.filter(include=["**/*.md"]).glob("**/*") == ["b.md", "sub/", "sub/deep/", "sub/deep/d.md"]
    assert await tree.filter(exclude=["**/*.md"]).glob("**/*.md") == []


async def test_symlinks(base: C, tree: D) -> None:
    linked = tree.with_symlink("a.txt", "link").with_symlink("sub", "folder")
    assert await shown(base, linked, "readlink link; cat link; cat folder/c.txt") == "a.txt\nac"
    assert await linked.file("link").contents() == "a"


async def test_timestamps(base: C, tree: D) -> None:
    stamped = tree.with_timestamps(985550400)
    assert await shown(base, stamped, "stat -c %Y a.txt sub sub/c.txt") == "985550400\n" * 3


async def test_chown(base: C, tree: D) -> None:
    assert await shown(base, tree.chown("sub", "7:8"), "stat -c %u:%g a.txt sub sub/c.txt") == "0:0\n7:8\n7:8\n"


async def test_exists_and_stat(tree: D) -> None:
    assert await tree.exists("sub")
    assert await tree.exists("sub", expected_type=dagger.ExistsType.DIRECTORY_TYPE)
    assert not await tree.exists("a.txt", expected_type=dagger.ExistsType.DIRECTORY_TYPE)
    assert not await tree.exists("missing")
    stat = tree.stat("a.txt")
    assert await stat.size() == 1
    assert await stat.name() == "a.txt"
    assert await stat.permissions() == 0o644
    assert await tree.stat("sub").file_type() == dagger.FileType.DIRECTORY


async def test_find_up(tree: D) -> None:
    assert await tree.find_up("a.txt", "sub/deep") == "a.txt"
    assert await tree.find_up("c.txt", "sub/deep") == "sub/c.txt"
    assert await tree.find_up("missing", "sub/deep") is None


async def test_digest_is_of_the_content(tree: D) -> None:
    same = dag.directory().with_directory("", tree)
    assert await tree.digest() == await same.digest()
    assert await tree.digest() != await tree.with_new_file("a.txt", "changed").digest()
    assert (await tree.digest()).startswith("sha256:")


async def test_sync_keeps_the_tree(tree: D) -> None:
    assert await (await tree.sync()).entries() == ["a.txt", "b.md", "sub/"]


async def test_with_error(tree: D) -> None:
    assert await tree.with_error("").entries() == ["a.txt", "b.md", "sub/"]
    with pytest.raises(dagger.QueryError, match="it went wrong"):
        await tree.with_error("it went wrong").entries()


async def test_export_merges_into_the_folder(tree: D, tmp_path: Path) -> None:
    (tmp_path / "old").write_text("old")
    assert await tree.export(str(tmp_path)) == str(tmp_path)
    assert (tmp_path / "sub/deep/d.md").read_text() == "d"
    assert (tmp_path / "old").read_text() == "old"


async def test_export_wipes_when_told(tree: D, tmp_path: Path) -> None:
    (tmp_path / "old").write_text("old")
    await tree.export(str(tmp_path), wipe=True)
    assert names(tmp_path) == ["a.txt", "b.md", "sub"]


async def test_export_keeps_modes_and_links(tree: D, tmp_path: Path) -> None:
    made = tree.with_new_file("script", "x", permissions=0o755).with_symlink("a.txt", "link")
    await made.export(str(tmp_path))
    assert (tmp_path / "script").stat().st_mode & 0o777 == 0o755
    assert (tmp_path / "link").readlink() == Path("a.txt")


# Docker's builder

DOCKERFILE = """
FROM busybox:1 AS first
ARG GREETING=hello
ENV GREETING=$GREETING
COPY a.txt /a.txt
FROM first AS second
RUN echo "$GREETING" > /greeting
LABEL made=here
ENTRYPOINT ["cat"]
CMD ["/greeting"]
"""


async def test_docker_build(tree: D, unique: Callable[[], str]) -> None:
    image = tree.with_new_file("Dockerfile", DOCKERFILE).with_new_file("a.txt", unique()).docker_build()
    assert await image.file("/greeting").contents() == "hello\n"
    assert await image.entrypoint() == ["cat"]
    assert await image.default_args() == ["/greeting"]
    assert await image.label("made") == "here"
    assert await image.with_exec([], use_entrypoint=True).stdout() == "hello\n"


async def test_docker_build_arguments_target_and_file_name(tree: D) -> None:
    source = tree.with_new_file("build/Other", DOCKERFILE)
    built = source.docker_build(
        dockerfile="build/Other", target="first", build_args=[dagger.BuildArg("GREETING", "bye")]
    )
    assert await built.env_variable("GREETING") == "bye"
    assert await built.file("/a.txt").contents() == "a"
    assert not await built.exists("/greeting")


async def test_docker_build_failure_shows_the_output(tree: D) -> None:
    broken = tree.with_new_file("Dockerfile", "FROM busybox:1\nRUN echo broken >&2; exit 7\n")
    with pytest.raises(dagger.QueryError, match=r"exit code: 7|returned a non-zero code: 7"):
        await broken.docker_build().sync()


async def test_docker_build_has_cache_mounts_the_platform_and_modes(tree: D, unique: Callable[[], str]) -> None:
    dockerfile = f"""
    FROM busybox:1 AS unused
    RUN exit 7
    FROM busybox:1
    ARG TARGETARCH
    RUN --mount=type=cache,target=/cache echo {unique()} >/cache/kept && echo $TARGETARCH >/architecture
    RUN [ ! -e /cache/kept ]
    COPY --chmod=751 a.txt /a.txt
    """
    built = tree.with_new_file("Dockerfile", dockerfile).docker_build()
    assert await built.file("/architecture").contents() in {"amd64\n", "arm64\n"}
    assert await built.with_exec(["stat", "-c", "%a", "/a.txt"]).stdout() == "751\n"


async def test_docker_build_of_a_heredoc_works_or_is_refused_by_name(tree: D) -> None:
    built = tree.with_new_file("Dockerfile", "FROM busybox:1\nRUN <<EOF\necho made >/made\nEOF\n").docker_build()
    try:
        made = await built.file("/made").contents()
    except dagger.QueryError as error:
        assert "Dockerfile:2: heredocs need Docker 23 or newer" in str(error)  # noqa: PT017 - which of the two depends
    else:
        assert made == "made\n"


async def test_docker_build_respects_dockerignore(tree: D) -> None:
    source = tree.with_new_file("Dockerfile", "FROM busybox:1\nCOPY . /src/\n").with_new_file(".dockerignore", "*.md\n")
    built = source.docker_build().directory("/src")
    assert await built.exists("a.txt")
    assert not await built.exists("b.md")
