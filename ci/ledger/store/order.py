"""The order of records: after their parents, otherwise by time; and what in it cannot be true."""

import heapq
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace

from ci.ledger.history import Entry
from ci.ledger.records import Denial, Lift, Record

Entries = Mapping[str, Entry[Record]]


def in_order(entries: Sequence[Entry[Record]]) -> tuple[Entry[Record], ...]:
    """Put entries into their order; parents that are not among them hold nobody up."""
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


def missing(entries: Iterable[Entry[Record]], seen: set[str]) -> Iterator[str]:
    """Say which records are gone that others come after; `seen` are the ids of all that was read."""
    missed: dict[str, str] = {}
    for entry in entries:
        for parent in entry.record.parents:
            if parent not in seen:
                missed.setdefault(parent, described(entry))
    for parent, child in missed.items():
        yield f"missing: record {parent[:12]} is gone from the registry: {child} comes after it"


def without_disorder(entries: Iterable[Entry[Record]]) -> tuple[list[Entry[Record]], list[str]]:
    """Mark the records that say they were written before what they come after, and say so."""
    seen, kept, told = dict[str, Entry[Record]](), list[Entry[Record]](), list[str]()
    for entry in entries:
        seen[entry.id] = entry
        parents = [seen[parent] for parent in entry.record.parents if parent in seen]
        late = next((parent for parent in parents if parent.record.at >= entry.record.at), None)
        if late:
            told.append(f"reordered: {described(entry)} lies before {described(late)}, which it comes after")
        kept.append(replace(entry, sound=False) if late else entry)
    return kept, told


def without_replays(entries: Iterable[Entry[Record]]) -> tuple[list[Entry[Record]], list[str]]:
    """Let a statement that denies or lifts count once: an old lift would take back every later denial."""
    seen, kept, told = set[str](), list[Entry[Record]](), list[str]()
    for entry in entries:
        if isinstance(entry.record, Denial | Lift) and entry.stated:
            text = entry.record.statement.rstrip("\n")
            if text in seen:
                told.append(f"forged: the {entry.record.kind} {entry.id[:12]} repeats an earlier statement")
                kept.append(replace(entry, stated="", sound=False))
                continue
            seen.add(text)
        kept.append(entry)
    return kept, told


def described(entry: Entry[Record]) -> str:
    """Name a record for people."""
    record = entry.record
    return f"the {record.kind} {entry.id[:12]} of {record.at:%Y-%m-%d %H:%M:%S} by {record.by}"
