"""The order of records: each after its parents, otherwise by time; and the problems of that order."""

import heapq
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace

from ci.ledger.history import Entry
from ci.ledger.records import Denial, Lift, Record

Entries = Mapping[str, Entry[Record]]


def sort_entries(entries: Sequence[Entry[Record]]) -> tuple[Entry[Record], ...]:
    """Sort entries; missing parents are ignored."""
    known: Entries = {entry.id: entry for entry in entries}
    waiting = {entry.id: sum(parent in known for parent in set(entry.record.parents)) for entry in entries}
    children: dict[str, list[str]] = {}
    for entry in entries:
        for parent in set(entry.record.parents):
            children.setdefault(parent, []).append(entry.id)
    ready = [(known[name].record.at, name) for name, count in waiting.items() if not count]
    heapq.heapify(ready)
    ordered = []
    while ready:
        _, name = heapq.heappop(ready)
        ordered.append(known[name])
        for child in children.get(name, []):
            waiting[child] -= 1
            if not waiting[child]:
                heapq.heappush(ready, (known[child].record.at, child))
    return tuple(ordered)


def find_missing_parents(entries: Iterable[Entry[Record]], seen: set[str]) -> Iterator[str]:
    """Yield a problem for each parent that is gone; `seen` are the IDs of all records that were read."""
    missed: dict[str, str] = {}
    for entry in entries:
        for parent in entry.record.parents:
            if parent not in seen:
                missed.setdefault(parent, describe_entry(entry))
    for parent, child in missed.items():
        yield f"missing: record {parent[:12]} is gone from the registry: {child} comes after it"


def mark_disorder(entries: Iterable[Entry[Record]]) -> tuple[list[Entry[Record]], list[str]]:
    """Mark the records whose time is not after that of their parents, and return the problems."""
    seen, kept, problems = dict[str, Entry[Record]](), list[Entry[Record]](), list[str]()
    for entry in entries:
        seen[entry.id] = entry
        parents = [seen[parent] for parent in entry.record.parents if parent in seen]
        late = next((parent for parent in parents if parent.record.at >= entry.record.at), None)
        if late:
            problems.append(
                f"reordered: {describe_entry(entry)} lies before {describe_entry(late)}, which it comes after"
            )
        kept.append(replace(entry, sound=False) if late else entry)
    return kept, problems


def remove_replays(entries: Iterable[Entry[Record]]) -> tuple[list[Entry[Record]], list[str]]:
    """Let each denial and lift count once, and return the problems: an old lift would undo every later denial.

    Several people may sign the same text.
    """
    seen, kept, problems = set[tuple[str, str]](), list[Entry[Record]](), list[str]()
    for entry in entries:
        if isinstance(entry.record, Denial | Lift) and entry.person:
            statement = (entry.person, entry.record.statement.rstrip("\n"))
            if statement in seen:
                problems.append(f"forged: the {entry.record.kind} {entry.id[:12]} repeats an earlier statement")
                kept.append(replace(entry, person="", sound=False))
                continue
            seen.add(statement)
        kept.append(entry)
    return kept, problems


def describe_entry(entry: Entry[Record]) -> str:
    """Describe a record in a few words."""
    record = entry.record
    return f"the {record.kind} {entry.id[:12]} of {record.at:%Y-%m-%d %H:%M:%S} by {record.actor}"
