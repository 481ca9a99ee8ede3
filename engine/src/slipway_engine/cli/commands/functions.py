"""`ci functions [FUNCTION…]`: what can be called."""

import sys

from slipway_engine.api.typedef import TypeDef
from slipway_engine.cli import options as common
from slipway_engine.cli import session
from slipway_engine.cli.help import function_table
from slipway_engine.cli.options import Options
from slipway_engine.cli.progress import Display
from slipway_engine.cli.providers import provider_of
from slipway_engine.engine import Engine
from slipway_engine.errors import UsageError
from slipway_engine.modules.names import kebab
from slipway_engine.modules.session import Session
from slipway_engine.modules.source import ModuleSource

USAGE = f"""\
List available functions of a module; with functions' names, those of what they return.

USAGE
  ci functions [options] [function]...

OPTIONS
{common.HELP}
"""


def run(options: Options, arguments: list[str]) -> int:
    """List functions."""
    if {"-h", "--help"} & set(arguments):
        sys.stdout.write(USAGE)
        return 0
    if flags := [argument for argument in arguments if argument.startswith("-")]:
        raise UsageError(f"unknown flag: {flags[0]}")

    async def work(engine: Engine, display: Display) -> int:
        async with Session.open(engine, ModuleSource.find(options.module, engine.workdir)) as opened:
            await opened.load()
            listed = _list(opened, arguments)
            display.stop()
            sys.stdout.write(listed)
            return 0

    return session.run(options, work)


def _list(opened: Session, names: list[str]) -> str:
    provider = provider_of(opened.module, TypeDef("OBJECT_KIND", opened.source.main_object))
    for item in names:
        function = provider.find(item) if provider else None
        if provider is None or function is None:
            name = provider.title if provider else "its result"
            raise UsageError(f"no function {item!r} in {name}")
        result = function.return_type
        provider = provider_of(opened.module, result)
        if provider is None:
            raise UsageError(f"function {kebab(function.name)!r} returns {result.kind}, which has no functions")
    return function_table(provider.functions, provider) if provider and provider.functions else "No functions found.\n"
