"""Include, exclude and .gitignore patterns, the same wherever they are taken."""

from pathlib import Path

import dagger
import pytest
from dagger import dag

FILES = ["a.txt", "b.md", "sub/a.txt", "sub/c.py", "sub/deep/a.txt", "sub/deep/d.md", "build/out.o", ".hidden/x"]

CASES: list[tuple[list[str], list[str], list[str]]] = [
    (["*.txt"], [], ["a.txt"]),
    (["**/*.txt"], [], ["a.txt", "sub/a.txt", "sub/deep/a.txt"]),
    (["sub"], [], ["sub/a.txt", "sub/c.py", "sub/deep/a.txt", "sub/deep/d.md"]),
    (["sub/"], [], ["sub/a.txt", "sub/c.py", "sub/deep/a.txt", "sub/deep/d.md"]),
    (["sub/*"], [], ["sub/a.txt", "sub/c.py", "sub/deep/a.txt", "sub/deep/d.md"]),
    (["sub/*.txt"], [], ["sub/a.txt"]),
    (["**/deep"], [], ["sub/deep/a.txt", "sub/deep/d.md"]),
    (["sub/**/*.md"], [], ["sub/deep/d.md"]),
    (["*/a.txt"], [], ["sub/a.txt"]),
    (["?.md"], [], ["b.md"]),
    (["[ab].*"], [], ["a.txt", "b.md"]),
    (["./sub/c.py"], [], ["sub/c.py"]),
    ([], ["sub"], [".hidden/x", "a.txt", "b.md", "build/out.o"]),
    ([], ["**/a.txt"], [".hidden/x", "b.md", "build/out.o", "sub/c.py", "sub/deep/d.md"]),
    ([], ["a.txt"], [".hidden/x", "b.md", "build/out.o", "sub/a.txt", "sub/c.py", "sub/deep/a.txt", "sub/deep/d.md"]),
    ([], ["**", "!sub/c.py"], ["sub/c.py"]),
    ([], ["*", "!sub"], ["sub/a.txt", "sub/c.py", "sub/deep/a.txt", "sub/deep/d.md"]),
    ([], ["sub", "!sub/deep"], [".hidden/x", "a.txt", "b.md", "build/out.o", "sub/deep/a.txt", "sub/deep/d.md"]),
    ([], ["!sub/c.py", "sub"], [".hidden/x", "a.txt", "b.md", "build/out.o"]),
    ([], [".*"], ["a.txt", "b.md", "build/out.o", "sub/a.txt", "sub/c.py", "sub/deep/a.txt", "sub/deep/d.md"]),
    (["sub"], ["**/*.txt"], ["sub/c.py", "sub/deep/d.md"]),
    (["**/*.md", "**/*.py"], ["sub/deep"], ["b.md", "sub/c.py"]),
]

IGNORES: list[tuple[dict[str, str], list[str]]] = [
    ({".gitignore": "*.txt\n"}, [".gitignore", ".hidden/x", "b.md", "build/out.o", "sub/c.py", "sub/deep/d.md"]),
    ({".gitignore": "/a.txt\nbuild/\nsub/deep\n"}, [".gitignore", ".hidden/x", "b.md", "sub/a.txt", "sub/c.py"]),
    (
        {".gitignore": "*.txt\n!sub/a.txt\n# comment\n\n"},
        [".gitignore", ".hidden/x", "b.md", "build/out.o", "sub/a.txt", "sub/c.py", "sub/deep/d.md"],
    ),
    (
        {"sub/.gitignore": "*.md\n/a.txt\n"},
        [".hidden/x", "a.txt", "b.md", "build/out.o", "sub/.gitignore", "sub/c.py", "sub/deep/a.txt"],
    ),
]


def virtual(files: list[str]) -> dagger.Directory:
    directory = dag.directory()
    for path in files:
        directory = directory.with_new_file(path, path)
    return directory


async def paths(directory: dagger.Directory) -> list[str]:
    return sorted(path for path in await directory.glob("**/*") if not path.endswith("/"))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for path in FILES:
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text(path)
    return tmp_path


@pytest.mark.parametrize(("include", "exclude", "left"), CASES)
async def test_filter(include: list[str], exclude: list[str], left: list[str]) -> None:
    assert await paths(virtual(FILES).filter(include=include, exclude=exclude)) == left


@pytest.mark.parametrize(("include", "exclude", "left"), CASES)
async def test_host_directory(folder: Path, include: list[str], exclude: list[str], left: list[str]) -> None:
    assert await paths(dag.host().directory(str(folder), include=include, exclude=exclude)) == left


@pytest.mark.parametrize(("include", "exclude", "left"), CASES[::4])
async def test_container_with_directory(
    base: dagger.Container, include: list[str], exclude: list[str], left: list[str]
) -> None:
    container = base.with_directory("/x", virtual(FILES), include=include, exclude=exclude)
    assert await paths(container.directory("/x")) == left


@pytest.mark.parametrize(("ignores", "left"), IGNORES)
async def test_gitignore(ignores: dict[str, str], left: list[str]) -> None:
    directory = virtual(FILES)
    for path, text in ignores.items():
        directory = directory.with_new_file(path, text)
    assert await paths(directory.filter(gitignore=True)) == left


@pytest.mark.parametrize(("ignores", "left"), IGNORES)
async def test_gitignore_of_a_host_directory(folder: Path, ignores: dict[str, str], left: list[str]) -> None:
    (folder / ".git").mkdir()
    for path, text in ignores.items():
        (folder / path).write_text(text)
    assert await paths(dag.host().directory(str(folder), gitignore=True, exclude=[".git"])) == left


async def test_gitignore_is_not_read_unless_asked(folder: Path) -> None:
    (folder / ".gitignore").write_text("*\n")
    assert len(await paths(dag.host().directory(str(folder)))) == len(FILES) + 1
