"""One line of text for each record."""

from collections.abc import Iterable

from ci.escaping import one_line
from ci.ledger.history import Entry
from ci.ledger.records import (
    ANONYMOUS,
    Approval,
    Build,
    DeliveryEnd,
    DeliveryStart,
    Denial,
    Lift,
    LockTakeover,
    Record,
    Recovery,
    UnknownRecord,
)
from ci.ledger.signing.statements import AnyStatementRecord
from ci.ledger.views import HistoryLine
from ci.outcome import Outcome

DONE = {
    "deploy": "{release} deployed to {environment}",
    "rollback": "{environment} rolled back to {release}",
    "restore": "{release} restored in {environment}",
}
ENDS = {
    Outcome.SUCCEEDED: "",
    Outcome.UNCHANGED: ", where it served already",
    Outcome.INCONCLUSIVE: ", with too few requests for a verdict",
}


def render_lines(entries: Iterable[Entry[Record]]) -> tuple[HistoryLine, ...]:
    """Make a line of each entry."""
    return tuple(
        HistoryLine(
            id=entry.id,
            at=entry.record.at,
            kind=entry.record.kind,
            actor=entry.record.actor,
            signed=bool(entry.signer),
            environment=getattr(entry.record, "environment", ""),
            version=getattr(entry.record, "version", ""),
            digest=getattr(entry.record, "digest", ""),
            text=describe_record(entry),
        )
        for entry in entries
    )


def describe_record(entry: Entry[Record]) -> str:
    """Describe a record on one line, without its time."""
    unknown = ", ".join(entry.unknown_fields)
    # Anybody with push access may have written the record.
    return one_line(_describe(entry) + (f" [unknown fields, which do not count: {unknown}]" if unknown else ""))


def describe_actor(entry: Entry[Record]) -> str:
    """Name a record's actor, and mark one without a valid signature."""
    actor = entry.record.actor
    return actor if entry.signer or actor == ANONYMOUS else f"{actor} (unverified)"


def short_digest(digest: str) -> str:
    """Shorten a digest to the part that people compare."""
    return digest.removeprefix("sha256:")[:12]


def _describe(entry: Entry[Record]) -> str:  # noqa: PLR0911 - one return for each kind of record
    record, actor = entry.record, describe_actor(entry)
    match record:
        case Build():
            dirty = ", dirty" if record.dirty else ""
            return f"{record.version} built as {short_digest(record.digest)} by {actor} ({record.tests} tests{dirty})"
        case Approval() | Denial() | Lift():
            return _describe_statement(record, entry.person)
        case DeliveryStart():
            override = f", overriding a freeze window: {record.override}" if record.override else ""
            return f"{record.environment}: {record.action} of {_release(record)} started by {actor}{override}"
        case DeliveryEnd():
            return _describe_end(record, actor)
        case Recovery():
            serves = f"{_release(record)} serves" if record.digest else "nothing serves"
            return f"{record.environment}: {record.resolution}: {record.message}; {serves} (found by {actor})"
        case LockTakeover():
            return f"{record.environment}: {actor} took over the lock of {record.previous_actor}: {record.message}"
        case UnknownRecord():
            where = f"{record.environment}: " if record.environment else ""
            return f"{where}a record of the unknown kind {record.kind} by {actor}, which does not count"


def _describe_end(record: DeliveryEnd, actor: str) -> str:
    if record.outcome in ENDS:
        done = DONE[record.action].format(release=_release(record), environment=record.environment)
        return f"{record.environment}: {done} by {actor}{ENDS[record.outcome]}"
    stage = next((f" ({stage.name}: {stage.message})" for stage in record.stages if not stage.ok), "")
    return f"{record.environment}: {record.action} of {_release(record)} by {actor}: {record.outcome}{stage}"


def _describe_statement(record: AnyStatementRecord, person: str) -> str:
    who = person or _describe_unknown_person(record)
    about = f"{record.environment}: {_release(record)}"
    if isinstance(record, Approval):
        note = f": {record.note}" if record.note else ""
        return f"{about} approved by {who} until {record.expires:%Y-%m-%d %H:%M}{note}"
    act = "denied" if isinstance(record, Denial) else "no longer denied"
    return f"{about} {act} by {who}: {record.reason}"


def _describe_unknown_person(record: AnyStatementRecord) -> str:
    if isinstance(record, Approval) and record.source == "github":
        login = record.login or "an unknown login"
        return f"{login} on GitHub in run {record.run} (GitHub confirms it when it counts)"
    return "an unknown person (no valid signature)"


def _release(record: AnyStatementRecord | DeliveryStart | DeliveryEnd | Recovery) -> str:
    return f"{record.version or 'an unknown version'} ({short_digest(record.digest)})"
