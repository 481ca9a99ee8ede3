"""Imports point one way, down this list: cli → modules → api → engine → execution → trees → docker → store → files."""

from pathlib import Path

import pytest

from testing.imports import Graph, cycle, import_graph

SOURCES = Path(__file__).parents[1] / "src"
PACKAGE = "slipway_engine"

BASE = {"environment", "errors", "events", "plaintext"}
# The parts of the engine that each part may import, besides itself; a part that is not here may not exist.
ALLOWED = {
    "": set(),
    "errors": set(),
    "plaintext": set(),
    "events": {"plaintext"},
    "model": {"errors"},
    "environment": {"model", "errors"},
    "files": {"model", "errors"},
    "store": {"model", "errors", "plaintext"},
    "docker": {"store", "files", "model", *BASE},
    "trees": {"docker", "store", "files", "model", *BASE},
    "execution": {"trees", "docker", "store", "files", "model", *BASE},
    # Builds all of the above.
    "engine": {"execution", "trees", "docker", "store", "files", "model", *BASE},
    "api": {"engine", "execution", "trees", "docker", "store", "files", "model", *BASE},
    "modules": {"api", "engine", "store", "files", "model", *BASE},
    "cli": {"modules", "api", "engine", "execution", "docker", "store", "model", *BASE},
}


def part_of(module: str) -> str:
    """Return the part that a module belongs to: `trees` for `slipway_engine.trees.keys`."""
    return module.partition(".")[2].partition(".")[0]


def wrong(graph: Graph) -> list[str]:
    found = [(module, other) for module, others in graph.items() for other in sorted(others)]
    return [
        f"{module} imports {other}: {part} may import {', '.join(sorted(ALLOWED[part])) or 'nothing'}"
        for module, other in found
        if part_of(other) not in {(part := part_of(module)), *ALLOWED[part]}
    ]


@pytest.fixture(scope="module")
def graph() -> Graph:
    return import_graph(SOURCES, PACKAGE)


def test_every_part_has_its_place(graph: Graph) -> None:
    assert {part_of(module) for module in graph} == set(ALLOWED)


def test_imports_point_one_way(graph: Graph) -> None:
    assert wrong(graph) == []


def test_modules_import_each_other_in_no_circle(graph: Graph) -> None:
    assert cycle(graph) == []


@pytest.mark.parametrize(
    "statement",
    [
        "from slipway_engine.trees.b import B",
        "from slipway_engine.trees import b",
        "from . import b",
        "from .b import B",
        "import slipway_engine.trees.b",
        "def f():\n    from slipway_engine.trees import b",
        "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from slipway_engine.trees.b import B",
        "import importlib\nimportlib.import_module('slipway_engine.trees.b')",
        "import importlib\nimportlib.import_module(f'slipway_engine.trees.{name}')",
    ],
)
def test_the_check_finds_a_circle(tmp_path: Path, statement: str) -> None:
    folder = tmp_path / PACKAGE / "trees"
    folder.mkdir(parents=True)
    (folder / "__init__.py").touch()
    (folder / "a.py").write_text(f"{statement}\n")
    (folder / "b.py").write_text("from slipway_engine.trees.c import C\n")
    (folder / "c.py").write_text("from slipway_engine.trees.a import A\n")
    assert f"{PACKAGE}.trees.a" in cycle(import_graph(tmp_path, PACKAGE))


def test_the_check_finds_an_import_upwards(tmp_path: Path) -> None:
    folder = tmp_path / PACKAGE
    for path in ("store/x.py", "api/y.py"):
        (folder / path).parent.mkdir(parents=True)
        (folder / path).write_text("def f():\n    import slipway_engine.api.y\n")
    assert wrong(import_graph(tmp_path, PACKAGE)) == [
        "slipway_engine.store.x imports slipway_engine.api.y: store may import errors, model, plaintext"
    ]
