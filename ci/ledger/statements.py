"""Approvals, denials and lifts: a person's signed statement becomes a record, if it counts."""

from typing import TypeVar

from ci.ledger.errors import RefusedError
from ci.ledger.history import Entry, History
from ci.ledger.policy import active_denials, valid_approvals
from ci.ledger.records import Approval, Denial, Lift
from ci.ledger.signed_statements import (
    SignedStatement,
    SignedText,
    StatementInput,
    check_signed_text,
    make_statement,
    sign_statement,
)
from ci.ledger.signing.statements import AnyStatementRecord, Statement, join_lines
from ci.ledger.store.store import Ledger
from ci.settings import Settings

S = TypeVar("S", bound=AnyStatementRecord)


async def write_statement(ledger: Ledger, settings: Settings, about: StatementInput) -> Statement:
    """Write the statement that a person signs elsewhere.

    Raises:
        RefusedError: The version was never built, a reason is missing, or the time is too long.
    """
    return make_statement(settings, await ledger.read_existing(), about)


async def record_approval(
    ledger: Ledger, settings: Settings, about: StatementInput, signed: SignedText | None = None, *, note: str = ""
) -> Entry[Approval]:
    """Record an approval; without a signed text, this process's key signs.

    Raises:
        RefusedError: The approval would not count.
    """
    history, statement = await _read_and_sign(ledger, settings, about, signed)
    details = {"expires": statement.statement.expires, "note": join_lines(note)}
    draft = await ledger.draft(history, Approval, **_fields(statement), **details)
    _raise_unless_valid(settings, history, draft.entry)
    await ledger.commit(history, draft)
    return draft.entry


async def record_denial(
    ledger: Ledger, settings: Settings, about: StatementInput, signed: SignedText | None = None
) -> Entry[Denial]:
    """Record a denial; without a signed text, this process's key signs.

    Raises:
        RefusedError: The denial would not count.
    """
    history, statement = await _read_and_sign(ledger, settings, about, signed)
    draft = await ledger.draft(history, Denial, **_fields(statement), reason=statement.statement.reason)
    entry, after = draft.entry, history.with_entry(draft.entry)
    active = active_denials(settings, after, about.environment, entry.record.digest)
    if entry.id not in [denial.id for denial in active]:
        what = f"{entry.person} is not listed under [people] in pipeline.toml"
        raise RefusedError(f"{about.environment}: {what}: only people who are listed may deny")
    await ledger.commit(history, draft)
    return entry


async def record_lift(
    ledger: Ledger, settings: Settings, about: StatementInput, signed: SignedText | None = None
) -> Entry[Lift]:
    """Record that a release's denials are lifted; without a signed text, this process's key signs.

    Raises:
        RefusedError: The lift would not count, or the release is not denied.
    """
    history, statement = await _read_and_sign(ledger, settings, about, signed)
    draft = await ledger.draft(history, Lift, **_fields(statement), reason=statement.statement.reason)
    entry, where = draft.entry, (about.environment, draft.entry.record.digest)
    if not active_denials(settings, history, *where):
        raise RefusedError(f"{about.environment}: {about.version} is not denied: there is nothing to lift")
    if active_denials(settings, history.with_entry(entry), *where):
        roles = " or ".join(settings.environment(about.environment).approvals.roles)
        what = f"{entry.person} may not lift a denial, which takes the role {roles}"
        raise RefusedError(f"{about.environment}: {what}")
    await ledger.commit(history, draft)
    return entry


async def _read_and_sign(
    ledger: Ledger, settings: Settings, about: StatementInput, signed: SignedText | None
) -> tuple[History, SignedStatement]:
    history = await ledger.read_existing()
    if signed:
        return history, await check_signed_text(settings, history, about, ledger.signatures, signed)
    return history, await sign_statement(settings, history, about, ledger.signatures)


def _fields(signed: SignedStatement) -> dict[str, str]:
    statement = signed.statement
    about = {"environment": statement.environment, "version": statement.version, "digest": statement.digest}
    return about | {"statement": signed.text, "signature": signed.signature}


def _raise_unless_valid(settings: Settings, history: History, entry: Entry[Approval]) -> None:
    approval, person = entry.record, entry.person
    where = (approval.environment, approval.digest, approval.at)
    earlier, _ = valid_approvals(settings, history, *where)
    for valid in earlier:
        if valid.person == person:
            what = f"{person} approved {approval.version} already, until {valid.expires:%Y-%m-%d %H:%M} UTC"
            raise RefusedError(f"{approval.environment}: {what}: each person counts once")
    now_valid, others = valid_approvals(settings, history.with_entry(entry), *where)
    if entry.id not in [valid.record for valid in now_valid]:
        why = [other for other in others if other.startswith(f"that of {person} ")]
        raise RefusedError(*(f"{approval.environment}: an approval of {approval.version}: {what}" for what in why))
