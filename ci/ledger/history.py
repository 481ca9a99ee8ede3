"""The history: every record of the ledger that can be read, in order, and the ledger's problems."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Generic, TypeVar

from ci.ledger.records import Build, DeliveryEnd, DeliveryStart, Record, Recovery

R_co = TypeVar("R_co", bound=Record, covariant=True)
K = TypeVar("K", bound=Record)
# The records that decide which release is the current one.
ServingRecord = DeliveryEnd | Recovery

# How a problem begins that a revoked or expired key causes: its records do not count, and nothing else follows.
UNTRUSTED = "untrusted"


@dataclass(frozen=True)
class Entry(Generic[R_co]):
    """A record, and the people whose signatures cover it."""

    id: str
    record: R_co
    # The person whose valid signature covers the whole record; empty: unsigned, or the key is unknown.
    signer: str = ""
    # Of an approval, a denial or a lift: the person who made the statement, by a valid signature over its text or by
    # GitHub's answer; empty: unknown. Another actor may have written the record around the statement.
    person: str = ""
    # Whether the record has no problem. A record with a problem may be removed from the registry one day, so no
    # record names it as a parent.
    sound: bool = True
    # The names of the record's fields that this version does not know.
    unknown_fields: tuple[str, ...] = ()


@dataclass(frozen=True)
class History:
    """Entries, each after its parents and otherwise ordered by time, and the ledger's problems as sentences.

    A problem starts with its kind: `altered:`, `forged:`, `reordered:`, `missing:`, `unreadable:`, or `untrusted:`
    where a key signed that is revoked or expired now.
    """

    entries: tuple[Entry[Record], ...] = ()
    problems: tuple[str, ...] = ()

    def of(self, kind: type[K], *, environment: str = "", version: str = "", digest: str = "") -> tuple[Entry[K], ...]:
        """Return the entries of one kind of record that match every given value, oldest first."""
        wanted = {"environment": environment, "version": version, "digest": digest}
        return tuple(
            Entry(entry.id, entry.record, entry.signer, entry.person, entry.sound, entry.unknown_fields)
            for entry in self.entries
            if isinstance(entry.record, kind)
            and all(getattr(entry.record, name, "") == value for name, value in wanted.items() if value)
        )

    def with_entry(self, entry: Entry[Record]) -> "History":
        """Return the history with one more entry."""
        return History((*self.entries, entry), self.problems)

    def builds(self, version: str) -> tuple[Entry[Build], ...]:
        """Return the builds of a version; several are a conflict unless they have one digest."""
        return self.of(Build, version=version)

    def of_digest(self, digest: str) -> tuple[Entry[Record], ...]:
        """Return every entry about a digest."""
        return tuple(entry for entry in self.entries if getattr(entry.record, "digest", "") == digest)

    def of_environment(self, name: str) -> tuple[Entry[Record], ...]:
        """Return every entry about an environment."""
        return tuple(entry for entry in self.entries if getattr(entry.record, "environment", "") == name)

    def served(self, environment: str) -> tuple[Entry[ServingRecord], ...]:
        """Return the entries after which a release served, or none did: deliveries that switched, and recoveries."""
        return tuple(
            entry
            for entry in self._results(environment)
            if isinstance(entry.record, Recovery) or entry.record.outcome.serves
        )

    def current(self, environment: str) -> Entry[ServingRecord] | None:
        """Return the entry that made the current release current; its digest is empty where nothing serves."""
        return next(reversed(self.served(environment)), None)

    def open_starts(self, environment: str) -> tuple[Entry[DeliveryStart], ...]:
        """Return the starts of deliveries that have no end yet."""
        ended = {entry.record.start for entry in self._results(environment)}
        return tuple(entry for entry in self.of(DeliveryStart, environment=environment) if entry.id not in ended)

    @property
    def heads(self) -> tuple[str, ...]:
        """The IDs of the sound entries without a sound child: the parents of the next record."""
        sound = [entry for entry in self.entries if entry.sound]
        seen = {parent for entry in sound for parent in entry.record.parents}
        return tuple(sorted(entry.id for entry in sound if entry.id not in seen))

    def _results(self, environment: str) -> Iterator[Entry[ServingRecord]]:
        for entry in self.entries:
            record = entry.record
            if isinstance(record, ServingRecord) and record.environment == environment:
                yield Entry(entry.id, record, entry.signer)
