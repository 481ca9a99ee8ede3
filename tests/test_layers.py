"""Imports point one way: pipeline → stages → agent → delivery → (targets, ledger, analysis, edge) → settings."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from testing.imports import cycle, import_graph

REPOSITORY = Path(__file__).parents[1]
FILES = sorted((REPOSITORY / "ci").rglob("*.py"))
ENGINE = sorted((REPOSITORY / "engine").rglob("*.py"))

# What every part may import: models, the outcome of a delivery, hints for known failures, texts made harmless.
BASE = {"frozen", "outcome", "hints", "escaping", "progress"}
BELOW_AGENT = {"delivery", "targets", "ledger", "analysis", "edge", "settings"}
# The parts of `ci` that each part may import, besides itself and BASE; a part that is not here may not exist.
ALLOWED = {
    "": {"pipeline"},
    "pipeline": {"families", "decorators", "results", "stages", "agent", "settings"},
    "families": {"decorators", "results", "stages", "agent"},
    # What functions return: made of what the agent responds.
    "results": {"decorators", "agent", *BELOW_AGENT},
    # A function that fails says what failed, and in which stage.
    "decorators": {"stages"},
    "stages": {"agent", "delivery", "targets", "ledger", "settings"},
    "agent": BELOW_AGENT,
    "delivery": {"targets", "ledger", "analysis", "settings"},
    "targets": {"analysis", "edge", "settings"},
    "ledger": {"settings"},
    # It reads the edge's counters, and the edge knows their names.
    "analysis": {"edge", "settings"},
    "edge": {"settings"},
    "settings": set(),
    **{part: set() for part in BASE},
}
# What runs where no Dagger client is installed, or has to work without one.
WITHOUT_DAGGER = {"agent", *BELOW_AGENT, *BASE}


def part_of(module: str) -> str:
    """Return the part that a module of `ci` belongs to: `stages` for `ci.stages.build`."""
    return module.partition(".")[2].partition(".")[0]


def module_of(path: Path) -> str:
    parts = path.relative_to(REPOSITORY).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def imported(path: Path) -> Iterator[tuple[int, str]]:
    """Return every module that a file imports, wherever it does, with the line; `from ci import x` imports `ci.x`."""
    package = path.relative_to(REPOSITORY).parent.parts
    for node in ast.walk(ast.parse(path.read_text(), str(path))):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            above = ".".join(package[: len(package) - node.level + 1]) if node.level else ""
            module = ".".join(name for name in (above, node.module or "") if name)
            names = [f"ci.{alias.name}" for alias in node.names] if module == "ci" else [module]
            yield from ((node.lineno, name) for name in names)


def wrong(path: Path) -> Iterator[str]:
    part = part_of(module_of(path))
    for line, module in imported(path):
        place = f"{path.relative_to(REPOSITORY)}:{line}: imports {module}"
        package, other = module.partition(".")[0], part_of(module)
        if package == "ci" and other not in {part, *BASE, *ALLOWED[part]}:
            yield f"{place}: {part or 'ci'} may import {', '.join(sorted(ALLOWED[part])) or 'nothing'} of ci"
        if package == "slipway_engine":
            yield f"{place}: the module runs on every engine, and knows none"
        if package == "dagger" and part in WITHOUT_DAGGER:
            yield f"{place}: {part} works without Dagger"


def test_every_module_belongs_to_a_known_part() -> None:
    assert {part_of(module_of(path)) for path in FILES} <= set(ALLOWED)


def test_imports_point_one_way() -> None:
    assert [problem for path in FILES for problem in wrong(path)] == []


def test_imports_have_no_cycle() -> None:
    assert cycle(import_graph(REPOSITORY, "ci")) == []


def test_engine_imports_nothing_of_the_module() -> None:
    found = [(str(path), line) for path in ENGINE for line, module in imported(path) if module.split(".")[0] == "ci"]
    assert found == []


@pytest.mark.parametrize(
    ("file", "statement", "problem"),
    [
        ("ci/stages/x.py", "from ci.pipeline import Ci", "imports ci.pipeline: stages may import"),
        ("ci/stages/x.py", "def f():\n    import slipway_engine", "imports slipway_engine: the module runs on every"),
        ("ci/targets/swarm/x.py", "from ...stages import build", "imports ci.stages: targets may import"),
        ("ci/settings/x.py", "from ci import edge", "imports ci.edge: settings may import nothing of ci"),
        ("ci/edge/x.py", "import dagger", "imports dagger: edge works without Dagger"),
        ("ci/analysis/x.py", "from dagger import dag", "imports dagger: analysis works without Dagger"),
    ],
)
def test_layer_check_finds_wrong_imports(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, file: str, statement: str, problem: str
) -> None:
    monkeypatch.setitem(globals(), "REPOSITORY", tmp_path)
    path = tmp_path / file
    path.parent.mkdir(parents=True)
    path.write_text(f'"""A file."""\n\n{statement}\n')
    line = 3 + statement.count("\n")
    (found,) = wrong(path)
    assert found.startswith(f"{file}:{line}: {problem}")
