"""`ci call [--flag …] FUNCTION [--flag …] [FUNCTION …]`: a chain of functions, evaluated and printed."""

import contextlib
from pathlib import Path

from slipway_engine.cli.options import Options
from slipway_engine.modules.process import Runner
from slipway_engine.modules.source import ModuleSource


def run(options: Options, arguments: list[str]) -> int:
    """Call functions."""
    source = ModuleSource.find(options.module, Path.cwd())
    with contextlib.ExitStack() as stack:
        runner = None
        if not {"-h", "--help"} & set(arguments):
            # Two imports of half a second each, at once: the module's in a process of its own, and this command's.
            runner = stack.enter_context(contextlib.closing(Runner(source)))
        from slipway_engine.cli.calling import call_chain  # noqa: PLC0415 - after the module's process has started

        return call_chain(options, source, runner, arguments)
