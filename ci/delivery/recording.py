"""What a delivery writes into the ledger: what it found, that it starts, and how it ended."""

from dataclasses import dataclass
from typing import Literal

from ci.delivery.recovery import Resolution
from ci.delivery.request import DeliveryReport
from ci.ledger.history import Entry, History
from ci.ledger.policy import Decision
from ci.ledger.records import DeliveryEnd, DeliveryStart, LockTakeover, Recovery
from ci.ledger.rendering.lines import short_digest
from ci.ledger.store.store import Ledger
from ci.targets.target import ReleaseRef

Features = tuple[str, ...] | Literal["all"]
MESSAGES = {
    "undone": "the next command undid what a killed delivery had left",
    "finished": "the next command finished what a killed delivery had left",
    "nothing": "a delivery without an end had left nothing to undo",
    "serves": "a delivery that could not record its end serves",
}


@dataclass(frozen=True)
class Observations:
    """What the holder of the lock found on the target."""

    # What serves.
    serving: ReleaseRef
    # Whose expired lock was taken over; empty: nobody's.
    took_over: str
    # What was done about a killed run.
    resolution: Resolution


async def record_observations(ledger: Ledger, history: History, environment: str, found: Observations) -> History:
    """Record what the holder of the lock found: an expired lock, deliveries without an end, a change by hand."""
    if found.took_over:
        details = {"environment": environment, "previous_actor": found.took_over, "message": "it had expired"}
        _, history = await ledger.append(history, LockTakeover, **details)
    # Only the holder of the lock records a start, so each start without an end belongs to a dead run.
    left = list(history.open_starts(environment)) or _ended_otherwise(history, environment, found)
    for start in left:
        # The target holds the traces of the last one only.
        resolution = found.resolution if start is left[-1] else ""
        history = await _record_recovery(ledger, history, start, found.serving, resolution)
    return await _record_change_by_hand(ledger, history, environment, found.serving)


async def record_start(ledger: Ledger, history: History, decision: Decision) -> tuple[Entry[DeliveryStart], History]:
    """Record that a delivery is about to change its target."""
    return await ledger.append(
        history,
        DeliveryStart,
        environment=decision.environment,
        action=decision.action,
        version=decision.version,
        digest=decision.digest,
        override=decision.override,
    )


async def record_end(
    ledger: Ledger, history: History, start: Entry[DeliveryStart], features: Features, report: DeliveryReport
) -> Entry[DeliveryEnd]:
    """Record how a delivery ended."""
    entry, _ = await ledger.append(
        history,
        DeliveryEnd,
        environment=report.environment,
        action=report.action,
        start=start.id,
        version=report.version,
        digest=report.digest,
        outcome=report.outcome,
        features=features,
        stages=tuple(stage.model_dump() for stage in report.stages),
        address=report.address,
        previous_version=report.previous.version,
        previous_digest=report.previous.digest,
    )
    return entry


def _ended_otherwise(history: History, environment: str, found: Observations) -> list[Entry[DeliveryStart]]:
    """Return the start whose end was recorded last, where the target shows that this end was wrong."""
    ended = history.of(DeliveryEnd, environment=environment)[-1:]
    wrong = [entry.record.start for entry in ended if found.resolution or _serves_anyway(history, found, entry.record)]
    return [entry for entry in history.of(DeliveryStart) if entry.id in wrong]


def _serves_anyway(history: History, found: Observations, ended: DeliveryEnd) -> bool:
    """Return whether a delivery serves that lost its target after the switch, and so was recorded as a failure."""
    switched = any(stage.name == "switch" and stage.ok for stage in ended.stages)
    return switched and ended.digest == found.serving.digest != _recorded_digest(history, ended.environment)


async def _record_recovery(
    ledger: Ledger, history: History, start: Entry[DeliveryStart], serving: ReleaseRef, resolution: Resolution
) -> History:
    serves = start.record.digest == serving.digest
    what = MESSAGES[resolution or ("serves" if serves else "nothing")]
    _, history = await ledger.append(
        history,
        Recovery,
        environment=start.record.environment,
        start=start.id,
        # A run that was killed before it changed anything is as good as undone; one that serves is finished.
        resolution=resolution or ("finished" if serves else "undone"),
        version=_version_of(history, serving),
        digest=serving.digest,
        message=f"{what} ({start.record.version}, started by {start.record.actor})",
    )
    return history


async def _record_change_by_hand(ledger: Ledger, history: History, environment: str, serving: ReleaseRef) -> History:
    recorded = _recorded_digest(history, environment)
    if recorded == serving.digest:
        return history
    before = history.current(environment)
    was = f"{before.record.version} ({short_digest(recorded)})" if before and recorded else "nothing"
    _, history = await ledger.append(
        history,
        Recovery,
        environment=environment,
        resolution="observed",
        version=_version_of(history, serving),
        digest=serving.digest,
        message=f"somebody changed the target by hand; by the ledger, {was} serves",
    )
    return history


def _recorded_digest(history: History, environment: str) -> str:
    """Return the digest of the current release by the ledger; empty: none."""
    before = history.current(environment)
    return before.record.digest if before else ""


def _version_of(history: History, serving: ReleaseRef) -> str:
    """Return the version that the target names, else the one that the ledger knows of the digest."""
    if serving.version or not serving.digest:
        return serving.version
    named = [getattr(entry.record, "version", "") for entry in history.of_digest(serving.digest)]
    return next(reversed(named), "")
