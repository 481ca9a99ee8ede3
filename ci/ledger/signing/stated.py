"""Statements that are made and signed here, or come from where somebody signed them."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from ci.ledger.builds import stored_build
from ci.ledger.errors import RefusedError, StatementError
from ci.ledger.history import History
from ci.ledger.protocol import Spoken, StatementOf
from ci.ledger.records import Approval, Denial, Lift
from ci.ledger.signing.signatures import Signatures
from ci.ledger.signing.statements import Act, Statement, one_line, read_statement
from ci.ledger.store.store import Ledger

# How a text may change at its end on its way through a terminal.
ENDS = ("\n", "", "\n\n")


@dataclass(frozen=True)
class Signed:
    """A statement, exactly the text of it that was signed, and the signature."""

    statement: Statement
    text: str
    signature: str


async def here(
    ledger: Ledger, history: History, request: Spoken, act: Act, *, reason: str = "", seconds: float = 0
) -> Signed:
    """Return the statement of a request, signed here where it does not bring a signature.

    Raises:
        RefusedError: There is no such release, or the statement that came is not about it or not signed by anybody.
    """
    wanted = stated(history, request, act, reason, seconds)
    if request.signature:
        signed = await _elsewhere(ledger.signatures, request)
        _raise_unless_about(signed.statement, wanted)
        _raise_if_used(history, signed.statement)
        return signed
    if not ledger.signatures.can_sign:
        raise RefusedError(
            f"{act}: takes a signature: give a key (--key), or sign what `ci call statement` prints and give both"
        )
    return Signed(wanted, wanted.text, await ledger.signatures.sign(wanted.text.encode()))


def stated(history: History, request: Spoken | StatementOf, act: Act, reason: str, seconds: float) -> Statement:
    """Write a statement about a release of the ledger.

    Raises:
        RefusedError: There is none of that version, or the statement lacks something.
    """
    environment = request.settings.environment(request.environment)
    build = stored_build(history, request.version)
    if build is None:
        raise RefusedError(f"{request.environment}: {request.version} was never built: see `ci call history`")
    elsewhere = not isinstance(request, StatementOf) and request.signature
    if act != "approve" and not reason.strip() and not elsewhere:
        raise RefusedError(f"{act}: takes a reason: give --reason")
    now, longest = datetime.now(UTC).replace(microsecond=0), environment.approvals.valid_for
    if seconds > longest:
        raise RefusedError(f"{request.environment}: an approval counts for {longest:g} s at most (is {seconds:g})")
    return Statement(
        act=act,
        app=request.settings.app.name,
        environment=request.environment,
        version=request.version,
        digest=build.record.digest,
        at=now,
        expires=now + timedelta(seconds=int(seconds or longest)) if act == "approve" else None,
        reason=one_line(reason),
    )


async def _elsewhere(signatures: Signatures, request: Spoken) -> Signed:
    try:
        statement = read_statement(request.statement)
    except StatementError as error:
        raise RefusedError(f"{request.environment}: {error}") from error
    signatures.check()
    body = request.statement.rstrip("\n")
    for text in (body + end for end in ENDS):
        if await signatures.owners(text.encode(), request.signature, statement.at):
            return Signed(statement, text, request.signature)
    why = await signatures.explain(statement.text.encode(), request.signature, statement.at)
    raise RefusedError(f"{request.environment}: the statement does not count: it is signed {why}")


def _raise_unless_about(found: Statement, wanted: Statement) -> None:
    for name in ("act", "app", "environment", "version", "digest"):
        if getattr(found, name) != getattr(wanted, name):
            raise RefusedError(
                f"{wanted.environment}: the statement is about another {name}: {getattr(found, name)}, "
                f"not {getattr(wanted, name)}: sign what `ci call statement` prints"
            )


def _raise_if_used(history: History, statement: Statement) -> None:
    for entry in history.entries:
        record = entry.record
        if isinstance(record, Approval | Denial | Lift) and record.statement.rstrip("\n") == statement.text.rstrip(
            "\n"
        ):
            raise RefusedError(
                f"{statement.environment}: this statement was recorded already, {record.at:%Y-%m-%d %H:%M} UTC: "
                "every one counts once"
            )
