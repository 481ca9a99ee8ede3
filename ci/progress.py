"""Progress of a run on the standard error, which people read on a terminal or in GitHub's log."""

import sys

from ci.escaping import for_terminal


def write_progress(text: str) -> None:
    """Write a sentence, which may quote what others typed."""
    sys.stderr.write(f"{for_terminal(text)}\n")
