"""Signed statements: made and signed here, or brought from where a person signed them."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from ci.ledger.builds import stored_build
from ci.ledger.errors import RefusedError, StatementError
from ci.ledger.history import History
from ci.ledger.records import AHEAD, Approval, Denial, Lift
from ci.ledger.signing.signatures import Signatures
from ci.ledger.signing.statements import Act, Statement, join_lines, parse_statement
from ci.settings import Settings

# How terminals and editors change the end of a text.
ENDS = ("\n", "", "\n\n")
SIGN_COMMAND = "ssh-keygen -Y sign -n slipway -f KEY FILE"


@dataclass(frozen=True)
class StatementInput:
    """What a statement is about."""

    act: Act
    environment: str
    version: str
    # Of a denial or a lift.
    reason: str = ""
    # How long an approval counts; 0: as long as the environment allows.
    seconds: float = 0


@dataclass(frozen=True)
class SignedText:
    """A text that was signed elsewhere, and its armored signature."""

    text: str
    signature: str


@dataclass(frozen=True)
class SignedStatement:
    """A statement, exactly the text that was signed, and the signature."""

    statement: Statement
    text: str
    signature: str


def make_statement(settings: Settings, history: History, about: StatementInput) -> Statement:
    """Make the statement for a person to sign.

    Raises:
        RefusedError: The version was never built, a reason is missing, or the time is too long.
    """
    if about.act != "approve" and not about.reason.strip():
        raise RefusedError(f"{about.act}: needs a reason: give --reason")
    return _make_statement(settings, history, about)


def explain_signing(statement: Statement) -> str:
    """Explain how to sign a statement and give it back."""
    return f"keep this text in FILE, sign it with `{SIGN_COMMAND}`, and give FILE and FILE.sig:\n\n{statement.text}"


async def sign_statement(
    settings: Settings, history: History, about: StatementInput, signatures: Signatures
) -> SignedStatement:
    """Make a statement and sign it with this process's key.

    Raises:
        RefusedError: There is no key, the statement cannot be made, or this key just signed the same one.
    """
    statement = make_statement(settings, history, about)
    if not signatures.can_sign:
        raise RefusedError(
            f"{about.act}: needs a signature: give a key (--key), or sign the text of `ci call statement` and give both"
        )
    # Its time has a precision of a second.
    _raise_if_used(history, statement, await signatures.find_actor())
    return SignedStatement(statement, statement.text, await signatures.sign(statement.text.encode()))


async def check_signed_text(
    settings: Settings, history: History, about: StatementInput, signatures: Signatures, signed: SignedText
) -> SignedStatement:
    """Check a statement that was signed elsewhere; its own reason and times count.

    Raises:
        RefusedError: The statement is about something else, its times do not count, it was used before, or no known
            person signed it.
    """
    expected = _make_statement(settings, history, about)
    found, signer = await _verify(signatures, about.environment, signed)
    for name in ("act", "app", "environment", "version", "digest"):
        if getattr(found.statement, name) != getattr(expected, name):
            raise RefusedError(
                f"{about.environment}: the statement is about another {name}: {getattr(found.statement, name)}, "
                f"not {getattr(expected, name)}: sign the text of `ci call statement`"
            )
    _check_times(settings, found.statement)
    _raise_if_used(history, found.statement, signer)
    return found


def _make_statement(settings: Settings, history: History, about: StatementInput) -> Statement:
    environment = settings.environment(about.environment)
    build = stored_build(history, about.version)
    if build is None:
        raise RefusedError(f"{about.environment}: {about.version} was never built: see `ci call history`")
    now, longest = datetime.now(UTC).replace(microsecond=0), environment.approvals.valid_for
    if about.seconds > longest:
        what = f"an approval counts for {longest:g} s at most (is {about.seconds:g})"
        raise RefusedError(f"{about.environment}: {what}")
    return Statement(
        act=about.act,
        app=settings.app.name,
        environment=about.environment,
        version=about.version,
        digest=build.record.digest,
        at=now,
        expires=now + timedelta(seconds=int(about.seconds or longest)) if about.act == "approve" else None,
        reason=join_lines(about.reason),
    )


async def _verify(signatures: Signatures, environment: str, signed: SignedText) -> tuple[SignedStatement, str]:
    """Return the statement exactly as it was signed, and the person who signed it."""
    try:
        statement = parse_statement(signed.text)
    except StatementError as error:
        raise RefusedError(f"{environment}: {error}") from error
    signatures.check()
    body = signed.text.rstrip("\n")
    for text in (body + end for end in ENDS):
        if signers := await signatures.find_signers(text.encode(), signed.signature, statement.at):
            return SignedStatement(statement, text, signed.signature), signers[0]
    why = await signatures.explain_invalid(statement.text.encode(), signed.signature, statement.at)
    raise RefusedError(f"{environment}: the statement does not count: it is signed {why}")


def _check_times(settings: Settings, statement: Statement) -> None:
    again = "make a new one with `ci call statement`"
    if statement.at > datetime.now(UTC) + AHEAD:
        what = f"the statement is dated {statement.at:%Y-%m-%d %H:%M} UTC, which has not come yet"
        raise RefusedError(f"{statement.environment}: {what}: was the clock right where it was made? If so, {again}")
    longest = settings.environment(statement.environment).approvals.valid_for
    if statement.expires and statement.expires > statement.at + timedelta(seconds=longest):
        what = f"the statement expires {statement.expires:%Y-%m-%d %H:%M} UTC, more than {longest:g} s after its date"
        raise RefusedError(f"{statement.environment}: {what}: {again}")


def _raise_if_used(history: History, statement: Statement, signer: str) -> None:
    text = statement.text.rstrip("\n")
    for entry in history.entries:
        record = entry.record
        # Several people may sign the same text, and a record that nobody signed uses nothing up.
        if not isinstance(record, Approval | Denial | Lift) or entry.person != signer:
            continue
        if record.statement.rstrip("\n") == text:
            raise RefusedError(
                f"{statement.environment}: this statement was recorded already, {record.at:%Y-%m-%d %H:%M} UTC: "
                "a person's statement counts once: make a new one with `ci call statement`"
            )
