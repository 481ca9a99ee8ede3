"""How a delivery ends: one enum from the target to the ledger to `--json`."""

from enum import StrEnum


class Outcome(StrEnum):
    """How a delivery ended."""

    SUCCEEDED = "succeeded"
    UNCHANGED = "unchanged"
    FAILED = "failed"
    ROLLED_BACK = "rolled_back"
    INCONCLUSIVE = "inconclusive"
    REFUSED = "refused"
    INTERRUPTED = "interrupted"

    @property
    def serves(self) -> bool:
        """Whether the delivered version serves users afterwards."""
        return self in {Outcome.SUCCEEDED, Outcome.UNCHANGED, Outcome.INCONCLUSIVE}
