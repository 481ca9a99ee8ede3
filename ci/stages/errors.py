"""What ends a delivery.

StageFailed
├── Refused      the pipeline will not do it: a rule of the settings or of the target
└── TargetFailed the target said no, or could not be asked
"""


class StageFailed(Exception):  # noqa: N818 - the tree reads as what happened
    """A stage did not succeed; the message is the whole story for whoever reads it last."""


class Refused(StageFailed):
    """The pipeline will not do what was asked."""


class TargetFailed(StageFailed):
    """The target said no, or could not be asked."""
