"""What a target answers to a whole deploy or rollback."""

from typing import Literal

from ci.analysis import Verdict
from ci.targets.errors import Reason
from ci.targets.protocol.messages import Message, Outcome
from ci.targets.protocol.outcomes import Proved
from ci.targets.protocol.states import Served

Status = Literal["deployed", "unchanged", "inconclusive", "refused", "unhealthy", "unproven", "switched-back", "failed"]
Stage = Literal[
    "lock", "preflight", "candidate", "prove", "discard", "switch", "check", "watch", "switch-back", "retire", "recover"
]


class StageResult(Message):
    """How one stage of a deploy went."""

    name: Stage
    ok: bool
    message: str
    seconds: float


class Deployed(Outcome):
    """What became of a deploy or a rollback; `ok` is false when the release does not serve in the end.

    `inconclusive` serves, but too few requests came for a verdict. `failed`: a stage could not be carried out, `reason`
    says why; what was begun is undone by this run, or by the next one where this one could not (`intact` is false).
    """

    outcome: Literal["deployed"] = "deployed"
    status: Status
    address: str
    # Empty: no candidate was started.
    release: str = ""
    stages: tuple[StageResult, ...]
    # What served when the lock was held and what a killed run left was put right; empty: nothing did.
    before: Served = Served()
    # What was done about a killed run, and whose lock was taken over, in words.
    recovered: Literal["", "undone", "finished"] = ""
    took_over: str = ""
    # The release was there still: the edge alone was switched.
    kept: bool = False
    # The last lines of the replicas, where they are the reason.
    logs: str = ""
    proved: Proved | None = None
    verdict: Verdict | None = None
    # Why a stage could not be carried out; empty unless `failed`.
    reason: Reason | Literal[""] = ""
    # What was begun is finished or undone; false: the next run on this target does it first.
    intact: bool = True
