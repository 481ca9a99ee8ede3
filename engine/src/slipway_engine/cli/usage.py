"""What a command says when it cannot begin or end: a wrong command line, or an error outside of its work."""

import sys
import traceback
from collections.abc import Callable

from slipway_engine.errors import UsageError, describe

STATUS = 2
INTERRUPTED = 128  # plus the signal's number, as shells report it


def usage_error(error: UsageError, shown: Callable[[str], str] = str) -> int:
    """Write what is wrong with a command line, and where its help is, as people may see it; returns the exit status."""
    path = getattr(error, "path", "ci")
    sys.stderr.write(f"Error: {shown(str(error))}\nRun '{path} --help' for usage.\n")
    return STATUS


def report_error(error: BaseException, shown: Callable[[str], str] = str, *, debug: bool) -> int:
    """Write an error as a sentence, with Python's stack before it for --debug; returns the exit status."""
    if debug:
        sys.stderr.write(shown("".join(traceback.format_exception(error))))
    sys.stderr.write(f"Error: {shown(describe(error))}\n")
    return 1
