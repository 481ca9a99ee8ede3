"""The checks of one record: its hash, its time, its app, and its signatures."""

import re
from dataclasses import dataclass
from datetime import datetime

from ci.ledger.errors import StatementError
from ci.ledger.history import UNTRUSTED, Entry
from ci.ledger.reading import OtherSchemaError, ParsedRecord, UnreadableError, parse_record
from ci.ledger.records import AHEAD, ANONYMOUS, Approval, Denial, Lift, Record, record_id
from ci.ledger.signing.signatures import Signatures
from ci.ledger.signing.statements import AnyStatementRecord, parse_statement
from ci.ledger.store.artifacts import Artifact, parse_tag

# How the explanation of an invalid signature ends where its key was valid once.
ONCE_VALID = re.compile(r"signed by a (revoked key of \S+|key that was not valid then)$")


@dataclass(frozen=True)
class CheckedRecord:
    """The entry of a record, if it can be read, and the record's problems."""

    tag: str
    entry: Entry[Record] | None = None
    problems: tuple[str, ...] = ()
    artifact: Artifact | None = None
    # The manifest that the record was read from; empty: it was not read from one.
    manifest: bytes = b""
    # Why the record's schema cannot be read; empty: it can.
    other_schema: str = ""


async def check_record(tag: str, artifact: Artifact, app: str, signatures: Signatures, now: datetime) -> CheckedRecord:
    """Check a record without the others."""
    start = (parse_tag(tag) or (now, ""))[1]
    if not record_id(artifact.payload).startswith(start):
        return CheckedRecord(tag, problems=(f"altered: {tag}: holds another record than its tag",), artifact=artifact)
    try:
        parsed = parse_record(artifact.payload)
    except UnreadableError as error:
        schema = str(error) if isinstance(error, OtherSchemaError) else ""
        return CheckedRecord(tag, problems=(f"unreadable: {tag}: {error}",), artifact=artifact, other_schema=schema)
    record = parsed.record
    if record.app != app:
        problem = f"forged: {tag}: is a record of {record.app}, not of {app}"
        return CheckedRecord(tag, problems=(problem,), artifact=artifact)
    if record.at > now + AHEAD:
        problem = f"reordered: {tag}: has a time in the future: is this machine's clock right?"
        return CheckedRecord(tag, problems=(problem,), artifact=artifact)
    return await _check_signatures(tag, artifact, parsed, signatures)


async def find_statement_signer(record: AnyStatementRecord, signatures: Signatures) -> str:
    """Return the person whose valid signature covers a record's statement.

    Raises:
        StatementError: No valid signature covers it, its content differs from the record's, or it is dated after it.
    """
    statement, text = parse_statement(record.statement), record.statement.encode()
    if not statement.matches(record):
        raise StatementError(
            f"its statement is about {statement.act} {statement.version} ({statement.digest[:19]}) "
            f"of {statement.app} in {statement.environment}"
        )
    # The record's own time is checked already: so no statement counts before its date.
    if statement.at > record.at + AHEAD:
        raise StatementError(f"its statement is dated {statement.at:%Y-%m-%d %H:%M} UTC, after its record")
    # Mostly the actor made the statement too, and checking that person alone is half the work.
    if await signatures.is_signed_by(record.actor, text, record.signature, statement.at):
        return record.actor
    signers = await signatures.find_signers(text, record.signature, statement.at)
    if not signers:
        raise StatementError(f"signed {await signatures.explain_invalid(text, record.signature, statement.at)}")
    return signers[0]


async def _check_signatures(
    tag: str, artifact: Artifact, parsed: ParsedRecord, signatures: Signatures
) -> CheckedRecord:
    record = parsed.record
    time, _ = parse_tag(tag) or (record.at, "")
    problems = [f"reordered: {tag}: is a record of {record.at:%Y-%m-%d %H:%M:%S}"] if time != record.at else []
    signature_problem = await _check_signature(artifact, record, signatures)
    signer = "" if signature_problem or not artifact.signature else record.actor
    person, statement_problem = await _check_statement(record, signatures)
    found = [
        f"{UNTRUSTED if ONCE_VALID.search(what) else 'forged'}: {tag}: {what}"
        for what in (signature_problem, statement_problem)
        if what
    ]
    sound = not problems and all(problem.startswith(UNTRUSTED) for problem in found)
    entry = Entry(record_id(artifact.payload), record, signer, person, sound, parsed.unknown_fields)
    return CheckedRecord(tag, entry, (*problems, *found), artifact)


async def _check_signature(artifact: Artifact, record: Record, signatures: Signatures) -> str:
    """Return the problem of a record's signature; empty: there is none."""
    if not artifact.signature:
        return "" if record.actor == ANONYMOUS else f"names {record.actor} as its actor, but is not signed"
    signature = (artifact.payload, artifact.signature, record.at)
    if await signatures.is_signed_by(record.actor, *signature):
        return ""
    signers = await signatures.find_signers(*signature)
    how = f"by {signers[0]}" if signers else await signatures.explain_invalid(*signature)
    return f"names {record.actor} as its actor, but is signed {how}"


async def _check_statement(record: Record, signatures: Signatures) -> tuple[str, str]:
    """Return the person who signed a record's statement, and the statement's problem; empty: none."""
    if not isinstance(record, Approval | Denial | Lift) or (isinstance(record, Approval) and record.source != "key"):
        return "", ""
    try:
        return await find_statement_signer(record, signatures), ""
    except StatementError as error:
        return "", f"{record.kind} of {record.version} in {record.environment}: {error}"
