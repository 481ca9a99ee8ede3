"""How well each release did in an environment, by the last thing that happened to it there."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Literal

from ci.ledger.history import SERVING, Entry, History
from ci.ledger.records import Deploy, Record, Recovery, Start

Word = Literal["success", "unsigned", "inconclusive", "failed", "rolled back", "undone", "finished"]
Trusts = Callable[[Entry[Record]], bool]
Change = tuple[str, Word]

TOLD: dict[Word, str] = {
    "success": "succeeded",
    "unsigned": "succeeded, but that is not signed by somebody who may deploy there",
    "inconclusive": "was inconclusive",
    "failed": "failed",
    "rolled back": "succeeded, but was rolled back",
    "undone": "was interrupted and undone",
    "finished": "was interrupted, and finished without having been watched",
}


@dataclass(frozen=True)
class Standing:
    """The last word about a release."""

    word: Word
    entry: Entry[Record]

    @property
    def good(self) -> bool:
        """Tell whether it may go on from here."""
        return self.word == "success"

    @property
    def told(self) -> str:
        """The word as a sentence has it, with the time."""
        return f"{TOLD[self.word]} ({self.entry.record.at:%Y-%m-%d %H:%M} UTC)"


def standings(history: History, environment: str, trusts: Trusts) -> dict[str, Standing]:
    """Return the standing of every digest that was tried in an environment.

    A good word counts from those alone whom `trusts` trusts, and does no harm from others; a bad word counts from all.
    """
    found: dict[str, Standing] = {}
    starts = {entry.id: entry.record for entry in history.of(Start, environment=environment)}
    serving = ""
    for entry in history.environment(environment):
        record = entry.record
        if isinstance(record, Deploy):
            changes = _deployed(record, serving, trusted=trusts(entry), known=record.digest in found)
            serving = record.digest if record.outcome in SERVING else serving
        elif isinstance(record, Recovery):
            changes = _recovered(record, starts.get(record.start), serving)
            serving = record.digest
        else:
            continue
        found |= {digest: Standing(word, entry) for digest, word in changes}
    return found


def successes(history: History, environment: str, trusts: Trusts) -> tuple[Entry[Deploy], ...]:
    """Return the trusted deploys that went well, oldest first."""
    return tuple(
        entry
        for entry in history.of(Deploy, environment=environment)
        if entry.record.outcome == "success" and trusts(Entry(entry.id, entry.record, entry.signer))
    )


def _deployed(record: Deploy, serving: str, *, trusted: bool, known: bool) -> Iterator[Change]:
    # What was refused was never tried.
    if record.outcome == "refused":
        return
    left = record.from_digest or serving
    if record.action == "rollback" and record.outcome in SERVING and left not in {"", record.digest}:
        yield left, "rolled back"
    if record.outcome != "success":
        yield record.digest, record.outcome
    elif trusted:
        yield record.digest, "success"
    elif not known:
        yield record.digest, "unsigned"


def _recovered(record: Recovery, start: Start | None, serving: str) -> Iterator[Change]:
    # It never makes a release good: nobody watched it.
    if start and start.digest != record.digest:
        yield start.digest, "undone"
    elif start and start.action == "deploy" and record.outcome == "finished":
        yield record.digest, "finished"
    went_back = not start or (start.action == "rollback" and start.digest == record.digest)
    # Where nothing serves a target was lost, not gone back on: its releases are as good as they were.
    if went_back and record.digest and serving not in {"", record.digest}:
        yield serving, "rolled back"
