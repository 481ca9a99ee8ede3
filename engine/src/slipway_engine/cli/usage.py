"""Wrong command lines."""

import sys

from slipway_engine.errors import UsageError

STATUS = 2


def usage_error(error: UsageError) -> int:
    """Write what is wrong with a command line, and where its help is; returns the exit status."""
    path = getattr(error, "path", "ci")
    sys.stderr.write(f"Error: {error}\nRun '{path} --help' for usage.\n")
    return STATUS
