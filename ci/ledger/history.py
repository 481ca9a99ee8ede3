"""The ledger as it was read: every record that holds, in order, and what is wrong with the others."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Generic, TypeVar

from ci.ledger.records import Build, Deploy, Record, Recovery, Start

R_co = TypeVar("R_co", bound=Record, covariant=True)
K = TypeVar("K", bound=Record)
# What decides which release serves.
Result = Deploy | Recovery
# The outcomes of a deploy after which its release serves.
SERVING = ("success", "inconclusive")


# How a problem begins that a revoked or ended key leaves: what it signed just does not count any more.
UNPROVEN = "unproven"


@dataclass(frozen=True)
class Entry(Generic[R_co]):
    """A record and who is known to stand behind it."""

    id: str
    record: R_co
    # The person whose valid signature covers the whole record; empty: unsigned, or nobody we know.
    signer: str = ""
    # Of an approval, a denial or a lift: the person whose valid signature covers its statement, which says what the
    # record says and was not used before; empty: nobody. The record around it may be by anybody.
    stated: str = ""
    # Whether nothing is wrong with the record itself. What is not sound may be removed from the registry some day: no
    # record is written to come after it.
    sound: bool = True


@dataclass(frozen=True)
class History:
    """Entries, every one after its parents and otherwise by time, and sentences about what was found to be wrong.

    A sentence starts with what it is about: `altered:`, `forged:`, `reordered:`, `missing:`, `unreadable:`, or
    `unproven:` where a key signed that was good once and is revoked or over: such records just do not count any more.
    """

    entries: tuple[Entry[Record], ...] = ()
    problems: tuple[str, ...] = ()

    def of(self, kind: type[K], *, environment: str = "", version: str = "", digest: str = "") -> tuple[Entry[K], ...]:
        """Return the entries of one kind of record, oldest first, with what is given in common."""
        wanted = {"environment": environment, "version": version, "digest": digest}
        return tuple(
            Entry(entry.id, entry.record, entry.signer, entry.stated)
            for entry in self.entries
            if isinstance(entry.record, kind)
            and all(getattr(entry.record, name, "") == value for name, value in wanted.items() if value)
        )

    def followed_by(self, entry: Entry[Record]) -> "History":
        """Return the history with one entry more."""
        return History((*self.entries, entry), self.problems)

    def builds(self, version: str) -> tuple[Entry[Build], ...]:
        """Return the builds of a version; more than one is a conflict unless they have one digest."""
        return self.of(Build, version=version)

    def of_digest(self, digest: str) -> tuple[Entry[Record], ...]:
        """Return everything that concerns a digest."""
        return tuple(entry for entry in self.entries if getattr(entry.record, "digest", "") == digest)

    def environment(self, name: str) -> tuple[Entry[Record], ...]:
        """Return everything that concerns an environment."""
        return tuple(entry for entry in self.entries if getattr(entry.record, "environment", "") == name)

    def served(self, environment: str) -> tuple[Entry[Result], ...]:
        """Return the entries that say what served an environment: deploys that did not fail, and recoveries."""
        return tuple(
            entry
            for entry in self._results(environment)
            if isinstance(entry.record, Recovery) or entry.record.outcome in SERVING
        )

    def serving(self, environment: str) -> Entry[Result] | None:
        """Return the entry that says what serves an environment now; its digest may be empty."""
        return next(reversed(self.served(environment)), None)

    def open_starts(self, environment: str) -> tuple[Entry[Start], ...]:
        """Return the starts that nothing has ended yet."""
        ended = {entry.record.start for entry in self._results(environment)}
        return tuple(entry for entry in self.of(Start, environment=environment) if entry.id not in ended)

    @property
    def heads(self) -> tuple[str, ...]:
        """The ids of the sound entries that are nobody's parent: what the next record comes after."""
        sound = [entry for entry in self.entries if entry.sound]
        seen = {parent for entry in sound for parent in entry.record.parents}
        return tuple(sorted(entry.id for entry in sound if entry.id not in seen))

    def _results(self, environment: str) -> Iterator[Entry[Result]]:
        for entry in self.entries:
            record = entry.record
            if isinstance(record, Result) and record.environment == environment:
                yield Entry(entry.id, record, entry.signer)
