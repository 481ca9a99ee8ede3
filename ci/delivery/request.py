"""A delivery's request and its report."""

from typing import Annotated, Literal

from pydantic import Field

from ci.analysis import Verdict
from ci.escaping import Line
from ci.frozen import FrozenModel
from ci.ledger.records import Action
from ci.outcome import Outcome
from ci.targets.errors import Reason
from ci.targets.target import ReleaseRef, TestResult

StageName = Literal[
    "lock", "policy", "preflight", "candidate", "test", "switch", "probe", "verify", "switch back", "retire", "recover"
]


class DeliveryRequest(FrozenModel):
    """A version to bring into service in an environment."""

    environment: str
    action: Action = "deploy"
    # Empty: for a rollback the release before, for a restore what served last.
    version: str = ""
    # Why a freeze window does not hold this delivery; empty: it does.
    override: str = ""
    # Roll back although the database's migrations make it unsafe.
    force: bool = False
    # Seconds that a failed candidate is kept, without traffic; 0: it is removed at once.
    keep_failed: Annotated[float, Field(ge=0, le=86400)] = 0
    # Seconds to wait for another run's lock; a person's lock is not waited for.
    patience: float = 30


class StageResult(FrozenModel):
    """How one stage went."""

    name: StageName
    ok: bool
    message: str
    seconds: float


class DeliveryReport(FrozenModel):
    """How a delivery ended."""

    environment: str
    action: Action
    version: str
    digest: str
    outcome: Outcome
    message: str
    # Where users reach the service.
    address: str
    # The actor.
    by: str
    # The candidate's name on the target; empty: none was started.
    release: str = ""
    # Whether the release still ran from an earlier delivery: the edge alone was switched.
    kept: bool = False
    # What served when the delivery began.
    previous: ReleaseRef = ReleaseRef()
    stages: tuple[StageResult, ...] = ()
    # What was done about a killed run, and whose expired lock was taken over.
    recovered: Literal["", "undone", "finished"] = ""
    took_over: str = ""
    # The last lines of the failed candidate's replicas.
    logs: str = ""
    # How these replicas ended, or what they answered; empty: they ran and were ready.
    seen: str = ""
    # The command that opens a shell in the test image beside the failed candidate; empty: it was removed.
    shell_beside: str = ""
    test_command: tuple[str, ...] = ()
    tests: TestResult | None = None
    verdict: Verdict | None = None
    # Why a stage could not be carried out; empty unless the outcome is `failed`.
    reason: Reason | Literal[""] = ""
    # False: the next delivery to this environment finishes or undoes what this one began.
    intact: bool = True
    approvals: tuple[Line, ...] = ()
    warnings: tuple[Line, ...] = ()
    # Why the ledger does not hold this delivery's end; empty: it does.
    unrecorded: str = ""

    @property
    def ok(self) -> bool:
        """Whether the version serves in the end."""
        return self.outcome in {Outcome.SUCCEEDED, Outcome.UNCHANGED, Outcome.INCONCLUSIVE}
