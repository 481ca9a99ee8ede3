"""Errors of stages.

StageFailed
├── Refused      a rule of the settings, of policy or of the target forbids the work
├── StepFailed   a step failed, or the engine could not run it
├── LedgerFailed the ledger could not be read or written
└── TargetFailed the target refused, or could not be reached
"""

from typing import Self

import dagger

from ci.escaping import for_terminal

# Both commands take the same arguments, and a function cannot know which of them called it.
EITHER_COMMAND = "(on a Dagger engine: `dagger` for `ci`)"

# In the error about a loopback registry of an engine in a container, which has a loopback address of its own.
CONNECTION_REFUSED = "connection refused"


class StageFailed(Exception):  # noqa: N818 - the tree reads as what happened
    """A stage did not succeed; the message holds everything that people need to know."""

    def __str__(self) -> str:
        """Return the message; a message with a command also names Dagger's command."""
        # The error may quote records, labels, commits and the output of tools.
        story = for_terminal(super().__str__())
        return f"{story}\n{EITHER_COMMAND}" if "ci call" in story and EITHER_COMMAND not in story else story


class Refused(StageFailed):
    """A rule forbids the work."""


class StepFailed(StageFailed, dagger.QueryError):
    """A step failed, or the engine could not run it.

    The class is also an error of the API: the SDK passes the engine's details on, by which `-i` finds the step.
    """

    def __new__(cls, _error: dagger.QueryError, _story: str) -> Self:
        """Create an instance of this class: the API's errors would choose another class."""
        return Exception.__new__(cls)

    def __init__(self, error: dagger.QueryError, story: str) -> None:
        """Keep the engine's details, and replace the engine's message."""
        super().__init__(error.errors, error.request)
        self._story = for_terminal(story)

    def __str__(self) -> str:
        """Return the pipeline's message."""
        return self._story


class LedgerFailed(StageFailed):
    """The ledger could not be read or written."""


class TargetFailed(StageFailed):
    """The target refused, or could not be reached."""
