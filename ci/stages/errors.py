"""What ends a delivery.

StageFailed
├── Refused      the pipeline will not do it: a rule of the settings, of the release or of the target
├── LedgerFailed the ledger could not be read or written
└── TargetFailed the target said no, or could not be asked
"""


class StageFailed(Exception):  # noqa: N818 - the tree reads as what happened
    """A stage did not succeed; the message is the whole story for whoever reads it last."""


class Refused(StageFailed):
    """The pipeline will not do what was asked."""


class LedgerFailed(StageFailed):
    """The ledger could not be read or written."""


class TargetFailed(StageFailed):
    """The target said no, or could not be asked."""
