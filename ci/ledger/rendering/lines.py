"""What people are told about a record: one line."""

from collections.abc import Iterable

from ci.ledger.history import Entry
from ci.ledger.records import ANONYMOUS, Approval, Build, Denial, Deploy, Lift, Record, Recovery, Start, Takeover
from ci.ledger.views import Line

DOING = {"deploy": "deployed to", "rollback": "brought back to", "restore": "restored in"}
ENDS = {"success": "", "inconclusive": ", with too few requests for a verdict"}


def lines_of(entries: Iterable[Entry[Record]]) -> tuple[Line, ...]:
    """Tell of records, a line each."""
    return tuple(
        Line(
            id=entry.id,
            at=entry.record.at,
            kind=entry.record.kind,
            by=entry.record.by,
            signed=bool(entry.signer),
            environment=getattr(entry.record, "environment", ""),
            version=getattr(entry.record, "version", ""),
            digest=getattr(entry.record, "digest", ""),
            text=told(entry),
        )
        for entry in entries
    )


def told(entry: Entry[Record]) -> str:
    """Tell of a record on one line, without its time."""
    # Anybody may have pushed it: what would move a terminal's cursor does not get there.
    return "".join(sign if sign.isprintable() else " " for sign in _told(entry))


def _told(entry: Entry[Record]) -> str:
    record, by = entry.record, signed(entry)
    match record:
        case Build():
            dirty = ", dirty" if record.dirty else ""
            return f"{record.version} built as {short(record.digest)} by {by} ({record.tests} tests{dirty})"
        case Approval() | Denial() | Lift():
            return _word(record, entry.stated)
        case Start():
            override = f", overriding a freeze: {record.override}" if record.override else ""
            return f"{record.environment}: {record.action} of {_named(record)} started by {by}{override}"
        case Deploy():
            return _ended(record, by)
        case Recovery():
            serves = f"{_named(record)} serves" if record.digest else "nothing serves"
            return f"{record.environment}: {record.outcome}: {record.message}; {serves} (found by {by})"
        case Takeover():
            return f"{record.environment}: the lock of {record.holder} taken over by {by}: {record.message}"


def _ended(record: Deploy, by: str) -> str:
    if record.outcome in ENDS:
        done = f"{DOING[record.action]} {record.environment} by {by}{ENDS[record.outcome]}"
        return f"{record.environment}: {_named(record)} {done}"
    stage = next((f" ({stage.name}: {stage.message})" for stage in record.stages if not stage.ok), "")
    return f"{record.environment}: {record.action} of {_named(record)} by {by}: {record.outcome}{stage}"


def signed(entry: Entry[Record]) -> str:
    """Name who a record is by, and say so where no valid signature proves it."""
    return entry.record.by if entry.signer or entry.record.by == ANONYMOUS else f"{entry.record.by} (not proven)"


def short(digest: str) -> str:
    """Shorten a digest to what people compare."""
    return digest.removeprefix("sha256:")[:12]


def _word(record: Approval | Denial | Lift, stated: str) -> str:
    who = stated or _unproven(record)
    about = f"{record.environment}: {_named(record)}"
    if isinstance(record, Approval):
        note = f": {record.note}" if record.note else ""
        return f"{about} approved by {who} until {record.expires:%Y-%m-%d %H:%M}{note}"
    act = "denied" if isinstance(record, Denial) else "no longer denied"
    return f"{about} {act} by {who}: {record.reason}"


def _unproven(record: Approval | Denial | Lift) -> str:
    if isinstance(record, Approval) and record.source == "github":
        return f"{record.login or 'somebody'} on GitHub in run {record.run} (which is asked again when it counts)"
    return "nobody known (no valid signature)"


def _named(record: Approval | Denial | Lift | Start | Deploy | Recovery) -> str:
    return f"{record.version or 'an unknown version'} ({short(record.digest)})"
