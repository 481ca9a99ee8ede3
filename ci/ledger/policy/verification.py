"""How the deliveries of each digest to an environment ended, and which digests are verified there."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Literal

from ci.ledger.history import Entry, History
from ci.ledger.records import DeliveryEnd, DeliveryStart, Record, Recovery
from ci.outcome import Outcome

# How the last delivery of a digest ended, or what happened to the digest since.
State = Literal[
    "verified",
    "unsigned",
    "unverified",
    "inconclusive",
    "failed",
    "failed verification",
    "rolled back",
    "undone",
    "finished",
]
# Returns whether a good result counts, by who signed its record.
Trusts = Callable[[Entry[Record]], bool]

DESCRIPTIONS: Mapping[State, str] = {
    "verified": "succeeded",
    "unsigned": "succeeded, but no person who may deploy there signed its record",
    "unverified": "succeeded without a verify window",
    "inconclusive": "was inconclusive",
    "failed": "failed",
    "failed verification": "failed its verification",
    "rolled back": "succeeded, but was rolled back",
    "undone": "was interrupted and undone",
    "finished": "was interrupted, and finished without a verify window",
}
# After these the release was left because it misbehaved.
LEFT: tuple[State, ...] = ("failed verification", "rolled back")
# After these the release serves.
SERVES: tuple[State, ...] = ("verified", "unverified", "inconclusive", "finished")
WITHOUT_WINDOW: Mapping[Outcome, State] = {
    Outcome.INCONCLUSIVE: "inconclusive",
    Outcome.FAILED: "failed",
    Outcome.ROLLED_BACK: "failed verification",
    Outcome.INTERRUPTED: "undone",
}


@dataclass(frozen=True)
class VerificationState:
    """How a digest last did in an environment."""

    state: State
    # The record that decided the state.
    entry: Entry[Record]
    # The newest trusted delivery that verified the digest; None: there is none since a rollback left the digest. A
    # failed attempt to deliver the digest again takes nothing away.
    verified_by: Entry[DeliveryEnd] | None = None
    # Whether a rollback left the digest, or it failed its verification, since it last served.
    left: bool = False

    @property
    def passed(self) -> bool:
        """Whether the last delivery verified the digest, so that it may be promoted."""
        return self.state == "verified"

    @property
    def description(self) -> str:
        """The state as a part of a sentence, with its time."""
        return f"{DESCRIPTIONS[self.state]} ({self.entry.record.at:%Y-%m-%d %H:%M} UTC)"


@dataclass
class Verification:
    """The states of all digests in an environment, and the deliveries that verified one, oldest first."""

    states: dict[str, VerificationState] = field(default_factory=dict)
    verifying: list[Entry[DeliveryEnd]] = field(default_factory=list)
    # The digest that serves.
    current: str = ""


def verification_states(history: History, environment: str, trusts: Trusts) -> Mapping[str, VerificationState]:
    """Return the state of every digest that was delivered to an environment.

    A good result counts only where `trusts` accepts its record; a bad result always counts.
    """
    return replay(history, environment, trusts).states


def served_deliveries(history: History, environment: str, trusts: Trusts) -> tuple[Entry[DeliveryEnd], ...]:
    """Return the trusted deliveries after which their release served, oldest first."""
    entries = history.of(DeliveryEnd, environment=environment)
    return tuple(entry for entry in entries if entry.record.outcome.serves and trusts(entry))


def replay(history: History, environment: str, trusts: Trusts) -> Verification:
    """Go through the records of an environment."""
    found = Verification()
    starts = {entry.id: entry.record for entry in history.of(DeliveryStart, environment=environment)}
    for entry in history.of_environment(environment):
        record = entry.record
        if isinstance(record, DeliveryEnd):
            trusted = trusts(entry)
            for digest, state in tuple(_after_delivery(record, found, trusted=trusted)):
                _set_state(found, digest, state, entry, trusted=trusted)
            found.current = record.digest if record.outcome.serves else found.current
        elif isinstance(record, Recovery):
            for digest, state in _after_recovery(record, starts.get(record.start), found.current):
                _set_state(found, digest, state, entry, trusted=trusts(entry))
            found.current = record.digest
    return found


def _after_delivery(record: DeliveryEnd, found: Verification, *, trusted: bool) -> Iterator[tuple[str, State]]:
    known = found.states.get(record.digest)
    left = record.previous_digest or found.current
    if record.action == "rollback" and record.outcome.serves and left not in {"", record.digest}:
        yield left, "rolled back"
    if record.outcome == Outcome.FAILED and any(stage.name == "verify" and not stage.ok for stage in record.stages):
        yield record.digest, "failed verification"
    elif record.outcome in WITHOUT_WINDOW:
        yield record.digest, WITHOUT_WINDOW[record.outcome]
    elif record.outcome == Outcome.SUCCEEDED and trusted:
        yield record.digest, "verified" if _has_window(record, known) else "unverified"
    elif record.outcome == Outcome.UNCHANGED and trusted and known:
        # Nothing was watched: a verified release stays verified, and no other becomes it.
        yield record.digest, known.state
    elif record.outcome.serves and not known:
        yield record.digest, "unverified" if trusted else "unsigned"


def _has_window(record: DeliveryEnd, known: VerificationState | None) -> bool:
    """Return whether a successful delivery's release passed a verify window, now or earlier."""
    # A rollback to a kept release moves the edge alone, and relies on the earlier window.
    return record.action != "rollback" or record.passed_stage("verify") or bool(known and known.verified_by)


def _after_recovery(record: Recovery, start: DeliveryStart | None, current: str) -> Iterator[tuple[str, State]]:
    # A recovery verifies nothing.
    if start and start.digest != record.digest:
        yield start.digest, "undone"
    elif start and start.action == "deploy" and record.resolution == "finished":
        yield record.digest, "finished"
    went_back = not start or (start.action == "rollback" and start.digest == record.digest)
    # Where nothing serves any more, the target was lost, and its release did not misbehave.
    if went_back and record.digest and current not in {"", record.digest}:
        yield current, "rolled back"


def _set_state(found: Verification, digest: str, state: State, entry: Entry[Record], *, trusted: bool) -> None:
    known = found.states.get(digest)
    verified_by, left = (known.verified_by, known.left) if known else (None, False)
    record = entry.record
    if state == "verified" and isinstance(record, DeliveryEnd):
        verified_by, left = Entry(entry.id, record, entry.signer), False
        found.verifying.append(verified_by)
    elif state in LEFT:
        verified_by, left = None, True
    elif state in SERVES and trusted:
        left = False
    found.states[digest] = VerificationState(state, entry, verified_by, left)
