"""What a command says when it cannot begin or end: a wrong command line, or an error outside of its work."""

import sys
import traceback

from slipway_engine.errors import UsageError, describe

STATUS = 2
INTERRUPTED = 128  # plus the signal's number, as shells report it


def usage_error(error: UsageError) -> int:
    """Write what is wrong with a command line, and where its help is; returns the exit status."""
    path = getattr(error, "path", "ci")
    sys.stderr.write(f"Error: {error}\nRun '{path} --help' for usage.\n")
    return STATUS


def report_error(error: BaseException, *, debug: bool) -> int:
    """Write an error as a sentence, with Python's stack before it for --debug; returns the exit status."""
    if debug:
        traceback.print_exception(error, file=sys.stderr)
    sys.stderr.write(f"Error: {describe(error)}\n")
    return 1
