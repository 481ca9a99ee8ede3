"""Which modules of a source tree import which others: wherever in the file, for type checkers only too."""

import ast
from collections.abc import Collection, Iterator
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

Graph = dict[str, set[str]]


def import_graph(root: Path, package: str) -> Graph:
    """Return the imports among the modules of a package, whose folder lies in `root`."""
    files = {_name(path, root): path for path in sorted((root / package).rglob("*.py"))}
    return {name: set(imports(path, name, files.keys())) - {name} for name, path in files.items()}


def imports(path: Path, name: str, modules: Collection[str]) -> Iterator[str]:
    """Go through those of the modules that a file imports, also by `import_module` and the start of a name."""
    package = name if path.name == "__init__.py" else name.rpartition(".")[0]
    for node in ast.walk(ast.parse(path.read_text(), str(path))):
        match node:
            case ast.Import():
                yield from (alias.name for alias in node.names if alias.name in modules)
            case ast.ImportFrom():
                above = ".".join(package.split(".")[: 1 - node.level or None]) if node.level else ""
                module = ".".join(part for part in (above, node.module or "") if part)
                # What is imported from a package is one of its modules, or else something in the package itself.
                names = {f"{module}.{alias.name}" for alias in node.names}
                yield from names & set(modules)
                if module in modules and not names <= set(modules):
                    yield module
            case ast.Call(func=ast.Attribute(attr="import_module") | ast.Name(id="import_module"), args=[text, *_]):
                yield from (module for module in modules if _may_name(text, module))


def cycle(graph: Graph) -> list[str]:
    """Return the modules of one import cycle in their order, or nothing."""
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        return list(reversed(error.args[1]))
    return []


def _may_name(text: ast.expr, module: str) -> bool:
    match text:
        case ast.Constant(value=str(value)):
            return module == value
        case ast.JoinedStr(values=[ast.Constant(value=str(start)), *_]):
            return module.startswith(start)
    return False


def _name(path: Path, root: Path) -> str:
    parts = path.relative_to(root).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
