"""Whether a record is what it says it is: its hash, its time, its app, and who stands behind it."""

import re
from dataclasses import dataclass
from datetime import datetime, timedelta

from pydantic import ValidationError

from ci.ledger.errors import StatementError
from ci.ledger.history import UNPROVEN, Entry
from ci.ledger.records import ANONYMOUS, Approval, Denial, Lift, Record, id_of, read_record
from ci.ledger.signing.signatures import Signatures
from ci.ledger.signing.statements import Word, read_statement
from ci.ledger.store.artifacts import Artifact, read_tag

# How far the clocks of writers may be ahead of ours.
AHEAD = timedelta(minutes=10)
# How it is said of a signature that its key was accepted once.
ONCE_GOOD = re.compile(r"signed by a (revoked key of \S+|key that was not valid then)$")


@dataclass(frozen=True)
class Checked:
    """What is left of a record, if anything, and what is wrong with it."""

    tag: str
    entry: Entry[Record] | None = None
    problems: tuple[str, ...] = ()
    artifact: Artifact | None = None


async def checked(tag: str, artifact: Artifact, app: str, signatures: Signatures, now: datetime) -> Checked:
    """Check everything about a record that can be said without the others."""
    time, start = read_tag(tag) or (now, "")
    name = id_of(artifact.payload)
    if not name.startswith(start):
        return Checked(tag, problems=(f"altered: {tag}: holds another record than its tag says",), artifact=artifact)
    try:
        record = read_record(artifact.payload)
    except ValidationError as error:
        what = error.errors(include_url=False)[0]
        where = ".".join(map(str, what["loc"]))
        return Checked(tag, problems=(f"unreadable: {tag}: {where}: {what['msg']}",), artifact=artifact)
    if record.app != app:
        return Checked(tag, problems=(f"forged: {tag}: is a record of {record.app}, not of {app}",), artifact=artifact)
    if record.at > now + AHEAD:
        return Checked(
            tag, problems=(f"reordered: {tag}: lies in the future; is this clock right?",), artifact=artifact
        )
    problems = [f"reordered: {tag}: is a record of {record.at:%Y-%m-%d %H:%M:%S}"] if time != record.at else []
    wrong = await _wrong_signature(artifact, record, signatures)
    signer = "" if wrong or not artifact.signature else record.by
    stated, wrong_statement = await _stated(record, signatures)
    found = [
        f"{UNPROVEN if ONCE_GOOD.search(what) else 'forged'}: {tag}: {what}"
        for what in (wrong, wrong_statement)
        if what
    ]
    sound = not problems and all(problem.startswith(UNPROVEN) for problem in found)
    problems += found
    return Checked(tag, Entry(name, record, signer, stated, sound), tuple(problems), artifact)


async def _wrong_signature(artifact: Artifact, record: Record, signatures: Signatures) -> str:
    if not artifact.signature:
        return "" if record.by == ANONYMOUS else f"says that it is by {record.by}, but is not signed"
    if await signatures.is_by(record.by, artifact.payload, artifact.signature, record.at):
        return ""
    owners = await signatures.owners(artifact.payload, artifact.signature, record.at)
    how = f"by {owners[0]}" if owners else await signatures.explain(artifact.payload, artifact.signature, record.at)
    return f"says that it is by {record.by}, but is signed {how}"


async def _stated(record: Record, signatures: Signatures) -> tuple[str, str]:
    if not isinstance(record, Approval | Denial | Lift) or (isinstance(record, Approval) and record.source != "key"):
        return "", ""
    try:
        return await stated_by(record, signatures), ""
    except StatementError as error:
        return "", f"{record.kind} of {record.version} in {record.environment}: {error}"


async def stated_by(record: Word, signatures: Signatures) -> str:
    """Return whose valid signature a record's statement bears.

    Raises:
        StatementError: Nobody's, or it says something else than the record.
    """
    statement, text = read_statement(record.statement), record.statement.encode()
    if not statement.matches(record):
        raise StatementError(
            f"its statement is about {statement.act} {statement.version} ({statement.digest[:19]}) "
            f"of {statement.app} in {statement.environment}"
        )
    # Who records it is mostly who said it, and asking that alone is half the work.
    if await signatures.is_by(record.by, text, record.signature, statement.at):
        return record.by
    owners = await signatures.owners(text, record.signature, statement.at)
    if not owners:
        raise StatementError(f"signed {await signatures.explain(text, record.signature, statement.at)}")
    return owners[0]
