"""Small modules in folders of their own, for what is measured without the pipeline."""

import contextlib
import tempfile
from collections.abc import Iterator
from pathlib import Path

CONFIG = '{"name": "small", "engineVersion": "v0.21.8", "sdk": {"source": "python"}, "source": "."}\n'
PROJECT = """\
[project]
name = "small"
version = "0.0.0"
requires-python = ">=3.11"
dependencies = ["dagger-io==0.21.8"]

[project.entry-points."dagger.mod"]
main_object = "small:Small"
"""


@contextlib.contextmanager
def module(code: str) -> Iterator[Path]:
    """Make a module of one file, whose object is called Small."""
    with tempfile.TemporaryDirectory(prefix="slipway-bench-") as name:
        folder = Path(name)
        (folder / "dagger.json").write_text(CONFIG)
        (folder / "pyproject.toml").write_text(PROJECT)
        (folder / "small.py").write_text(code)
        yield folder
