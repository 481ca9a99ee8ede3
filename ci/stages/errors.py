"""What ends a delivery.

StageFailed
├── Refused      the pipeline will not do it: a rule of the settings, of the release or of the target
├── StepFailed   a step ended badly, or the engine could not do what it was asked for
├── LedgerFailed the ledger could not be read or written
└── TargetFailed the target said no, or could not be asked
"""

from typing import Self

import dagger

# Both commands take the same words, and a function is not told which of them called it.
EITHER_COMMAND = "(on a Dagger engine: `dagger` for `ci`)"


class StageFailed(Exception):  # noqa: N818 - the tree reads as what happened
    """A stage did not succeed; the message is the whole story for whoever reads it last."""

    def __str__(self) -> str:
        """Tell the story, with a word to those who type what it says on a Dagger engine."""
        story = super().__str__()
        return f"{story}\n{EITHER_COMMAND}" if "ci call" in story and EITHER_COMMAND not in story else story


class Refused(StageFailed):
    """The pipeline will not do what was asked."""


class StepFailed(StageFailed, dagger.QueryError):
    """A step ended badly, or the engine could not do what it was asked for.

    It is an error of the API too: so the SDK hands the engine's own details on, by which `-i` finds the step.
    """

    def __new__(cls, _error: dagger.QueryError, _story: str) -> Self:
        """Make one of this kind: the API's errors choose a kind of their own."""
        return Exception.__new__(cls)

    def __init__(self, error: dagger.QueryError, story: str) -> None:
        """Keep what the engine said, and tell it in the pipeline's words."""
        super().__init__(error.errors, error.request)
        self._story = story

    def __str__(self) -> str:
        """Tell the whole story."""
        return self._story


class LedgerFailed(StageFailed):
    """The ledger could not be read or written."""


class TargetFailed(StageFailed):
    """The target refused, or could not be asked."""
