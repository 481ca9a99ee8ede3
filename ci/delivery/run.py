"""One delivery on its way: its collaborators, its stages so far, and how it ends."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from ci.delivery.request import DeliveryReport, StageName, StageResult
from ci.outcome import Outcome
from ci.progress import write_progress
from ci.targets.errors import TargetError
from ci.targets.target import ReleaseDescription, Target, TestRun

# The outcomes after which the version serves.
SERVING = {Outcome.SUCCEEDED, Outcome.UNCHANGED, Outcome.INCONCLUSIVE}


class DeliveryEnded(Exception):  # noqa: N818 - an end, which is an error only for some outcomes
    """A stage ended the delivery."""

    def __init__(self, outcome: Outcome, message: str, **details: Any) -> None:  # noqa: ANN401 - fields of the report
        """Keep the outcome, its sentence, and other fields of the report."""
        super().__init__(message)
        self.outcome, self.message, self.details = outcome, message, details


@dataclass
class Run:
    """A delivery on its way."""

    target: Target
    release: ReleaseDescription
    # None: the candidate only needs to be healthy.
    tests: TestRun | None
    # Whether the release was verified in this environment before.
    verified: bool
    # Raises DeliveryEnded where policy no longer allows the delivery.
    check_policy: Callable[[], Awaitable[None]]
    # Seconds that a failed candidate is kept, without traffic.
    keep_failed: float = 0
    stages: list[StageResult] = field(default_factory=list)
    # Fields of the report that are known however the delivery ends.
    known: dict[str, Any] = field(default_factory=dict)

    @asynccontextmanager
    async def stage(self, name: StageName) -> AsyncIterator["Stage"]:
        """Time a stage, and keep what it did, or why it failed."""
        began, stage = asyncio.get_running_loop().time(), Stage()
        try:
            yield stage
        except TargetError as error:
            stage.ok, stage.message = False, str(error)
            raise
        except DeliveryEnded as error:
            stage.ok, stage.message = error.outcome in SERVING, str(error)
            raise
        finally:
            if stage.message:
                self._note(name, stage, asyncio.get_running_loop().time() - began)

    def report(self, outcome: Outcome, message: str = "", **details: Any) -> DeliveryReport:  # noqa: ANN401 - fields of the report
        """Describe how the delivery ended; its sentence is by default that of the last failed, or the last, stage."""
        decisive = ([stage for stage in self.stages if not stage.ok] or self.stages)[-1]
        fields = {"outcome": outcome, "message": message or decisive.message, "stages": tuple(self.stages)}
        return DeliveryReport.model_validate({**self.known, **fields, **details})

    def _note(self, name: StageName, stage: "Stage", seconds: float) -> None:
        self.stages.append(StageResult(name=name, ok=stage.ok, message=stage.message, seconds=round(seconds, 2)))
        write_progress(f"{name}: {stage.message} ({seconds:.1f} s)")


@dataclass
class Stage:
    """What a stage did, in a sentence."""

    message: str = ""
    ok: bool = True
