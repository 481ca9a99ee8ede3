"""(f) A large source tree beside a larger folder that is ignored."""

from collections.abc import Iterator
from pathlib import Path

from bench.commands import CI, engine_cache, log, seconds
from bench.modules import module
from bench.table import Note, Row

CODE = '''
from typing import Annotated

import dagger
from dagger import DefaultPath, Ignore, function, object_type


@object_type
class Small:
    @function
    async def first(self, source: Annotated[dagger.Directory, DefaultPath("/"), Ignore(["ignored"])]) -> str:
        """Read one of the files."""
        return await source.file("folder-000/file-000.txt").contents()
'''
FOLDERS, FILES = 500, 100
IGNORED, PIECES = 1 << 30, 16


def measure(runs: int) -> Iterator[Row | Note]:
    """Call a function of the tree with an empty cache, and again with nothing changed."""
    with module(CODE) as folder:
        _fill(folder)
        first, second = [], []
        for number in range(runs):
            log(f"tree {number + 1}/{runs}")
            with engine_cache() as env:
                first.append(seconds(CI, "call", "--quiet", "first", cwd=folder, env=env))
                second.append(seconds(CI, "call", "--quiet", "first", cwd=folder, env=env))
    yield Row("f", f"{FOLDERS * FILES} files: first call", first)
    yield Row("f", f"{FOLDERS * FILES} files: second call", second, wanted="≤ 2 s")


def _fill(root: Path) -> None:
    for number in range(FOLDERS):
        folder = root / f"folder-{number:03}"
        folder.mkdir()
        for file in range(FILES):
            (folder / f"file-{file:03}.txt").write_text(f"{number} {file}\n")
    ignored = root / "ignored"
    ignored.mkdir()
    for piece in range(PIECES):
        with (ignored / f"piece-{piece}").open("wb") as content:
            content.truncate(IGNORED // PIECES)
