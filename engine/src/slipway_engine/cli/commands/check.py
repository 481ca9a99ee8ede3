"""`ci check [NAME…]`: the module's checks, at once."""

import asyncio
import contextlib
import fnmatch
import sys
import time

from slipway_engine.api.typedef import Function, TypeDef
from slipway_engine.cli import options as common
from slipway_engine.cli import session
from slipway_engine.cli.help import bold
from slipway_engine.cli.options import Options
from slipway_engine.cli.parser import Chain, parse
from slipway_engine.cli.progress import Display
from slipway_engine.cli.providers import provider_of
from slipway_engine.engine import Engine
from slipway_engine.errors import UsageError
from slipway_engine.modules.names import kebab
from slipway_engine.modules.session import Session
from slipway_engine.modules.source import ModuleSource

USAGE = f"""\
Check the state of your project by running the module's checks: tests, linters, and the like.

USAGE
  ci check [options] [pattern]...

EXAMPLES
  ci check          Run all checks
  ci check -l       List all checks
  ci check lint     Run one; patterns such as test* work too

OPTIONS
  -l, --list                List available checks
      --failfast            Cancel the remaining checks on the first failure
{common.HELP}
"""
Outcome = tuple[float, Exception | None]  # seconds, and what it failed with
FLAGS = {"-l": "list", "--list": "list", "--failfast": "failfast"}


def run(options: Options, arguments: list[str]) -> int:
    """Run or list checks; the status is 1 when one fails."""
    if {"-h", "--help"} & set(arguments):
        sys.stdout.write(USAGE)
        return 0
    flags = {FLAGS.get(item, item) for item in arguments if item.startswith("-")}
    if unknown := flags - set(FLAGS.values()):
        raise UsageError(f"ci check: unknown flag: {min(unknown)}")
    patterns = [item for item in arguments if not item.startswith("-")]

    async def work(engine: Engine, display: Display) -> int:
        async with Session.open(engine, ModuleSource.find(options.module, engine.workdir)) as opened:
            if "list" not in flags:
                opened.prepare()
            await opened.load()
            chains = _checks(opened, patterns)
            if "list" in flags:
                display.stop()
                sys.stdout.write(_list([chain.last.function for chain in chains.values()], list(chains)))
                return 0
            opened.prepare()
            outcomes = await _run(opened, chains, failfast="failfast" in flags)
            display.stop()
            return _report(outcomes)

    return session.run(options, work)


def _checks(opened: Session, patterns: list[str]) -> dict[str, Chain]:
    found: dict[str, Chain] = {}
    _collect(opened, TypeDef("OBJECT_KIND", opened.source.main_object), [], found)
    chosen = {name: chain for name, chain in found.items() if not patterns or any(_matches(name, p) for p in patterns)}
    if patterns and not chosen:
        raise UsageError(f"no check is called {' or '.join(patterns)}: there are {', '.join(found) or 'none'}")
    return chosen


def _collect(opened: Session, type_def: TypeDef, path: list[str], found: dict[str, Chain]) -> None:
    """Find the checks of an object, and those of the objects that it gives without arguments."""
    provider = provider_of(opened.module, type_def)
    if provider is None or provider.definition is None or type_def.kind != "OBJECT_KIND" or len(path) > 1:
        return
    for function in provider.functions:
        parts = [*path, kebab(function.name)]
        if function.check:
            found[":".join(parts)] = parse(opened.module, opened.source.main_object, parts, "ci check")
        elif not any(arg.required for arg in function.args):
            _collect(opened, function.return_type, parts, found)


def _matches(name: str, pattern: str) -> bool:
    parts = ":".join(kebab(part) for part in pattern.split(":"))
    return fnmatch.fnmatchcase(name, parts) or name.startswith(f"{parts}:")


def _list(functions: list[Function], names: list[str]) -> str:
    width = max([len(name) for name in names] + [4])
    rows = (f"{name:{width}}   {f.description.partition(chr(10))[0]}" for name, f in zip(names, functions, strict=True))
    return "\n".join([f"{bold('Name')}{' ' * (width - 4)}   {bold('Description')}", *rows]) + "\n"


async def _run(opened: Session, chains: dict[str, Chain], *, failfast: bool) -> dict[str, Outcome]:
    outcomes: dict[str, Outcome] = {}

    async def one(name: str, chain: Chain) -> None:
        from slipway_engine.cli.evaluate import evaluate  # noqa: PLC0415 - a list does not need it

        start = time.monotonic()
        try:
            await evaluate(opened, chain)
        except Exception as error:
            outcomes[name] = (time.monotonic() - start, error)
            if failfast:
                raise
        else:
            outcomes[name] = (time.monotonic() - start, None)

    with contextlib.suppress(ExceptionGroup):  # the first failure is among the outcomes
        async with asyncio.TaskGroup() as group:
            for name, chain in chains.items():
                group.create_task(one(name, chain))
    return outcomes


def _report(outcomes: dict[str, Outcome]) -> int:
    """Print a line for each check; the first failure is raised."""
    for name, (seconds, error) in outcomes.items():
        sys.stdout.write(f"{'✘' if error else '✔'} {name} ({seconds:.1f}s)\n")
    sys.stdout.flush()
    for _, error in outcomes.values():
        if error is not None:
            raise error
    return 0
