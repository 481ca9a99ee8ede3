"""The entry point: chooses the command that runs."""

import importlib
import os
import signal
import sys
from pathlib import Path

from slipway_engine.cli.options import HELP, scan
from slipway_engine.cli.usage import INTERRUPTED, report_error, usage_error
from slipway_engine.environment import Environment
from slipway_engine.errors import UsageError

COMMANDS = {
    "call": "Call one or more functions, interconnected into a pipeline",
    "check": "Run the module's checks at once",
    "functions": "List available functions",
    "prune": "Free what the engine has stored",
    "run": "Run a command in a session of the local engine",
    "version": "Print the version",
}


def main() -> None:
    """Run the command line and leave with its exit status: 0, 1 (the pipeline failed) or 2 (usage)."""
    try:
        status = _main(sys.argv[1:])
        sys.stdout.flush()
        sys.stderr.flush()
    except BrokenPipeError:  # such as `ci functions | head -1`
        status = INTERRUPTED + signal.SIGPIPE
    # Everything is closed. Taking the interpreter apart would take another 60 ms, which each command would wait for.
    os._exit(status)


def _main(arguments: list[str]) -> int:
    try:
        options, rest = (None, arguments) if arguments[:1] == ["run"] else scan(arguments)
        if options is None or not rest or rest[0] in {"-h", "--help", "help"}:
            return _usage(arguments)
        command, *rest = rest
        if command not in COMMANDS:
            return usage_error(UsageError(f'unknown command "{command}" for "ci": there are {", ".join(COMMANDS)}'))
        if command != "version":
            _check_surroundings()
        # A command is imported when it is used, since start-up time counts.
        return int(importlib.import_module(f"slipway_engine.cli.commands.{command}").run(options, rest))
    except UsageError as error:
        return usage_error(error)
    except KeyboardInterrupt:
        sys.stderr.write("Canceled.\n")
        return INTERRUPTED + signal.SIGINT
    except BrokenPipeError:
        raise
    except Exception as error:  # noqa: BLE001 - the last place that can turn it into a message without Python's stack
        return report_error(error, debug=bool({"-d", "--debug"} & set(arguments)))


def _check_surroundings() -> None:
    """Refuse malformed variables before anything is done, and a working folder that somebody has removed."""
    Environment.read()
    try:
        Path.cwd()
    except FileNotFoundError:
        raise UsageError("the working folder is gone: go to another one") from None


def _usage(arguments: list[str]) -> int:
    if arguments[:1] == ["run"]:
        # A command is imported when it is used, since start-up time counts.
        return int(importlib.import_module("slipway_engine.cli.commands.run").run(None, arguments[1:]))
    width = max(len(name) for name in COMMANDS)
    lines = "\n".join(f"  {name:{width}}   {text}" for name, text in COMMANDS.items())
    sys.stdout.write(
        f"Run a Dagger module's functions on this machine's Docker, without a Dagger engine.\n\n"
        f"USAGE\n  ci [options] <command>\n\nCOMMANDS\n{lines}\n\nOPTIONS\n{HELP}\n\n"
        'Use "ci <command> --help" for more information about a command.\n'
    )
    return 0
