"""Approving, denying and lifting: somebody's signed word about a release in an environment."""

from collections.abc import Mapping

from ci.ledger import records
from ci.ledger.errors import RefusedError
from ci.ledger.history import Entry, History
from ci.ledger.policy import approvals_for, standing_denials
from ci.ledger.protocol import Approve, Deny, Lift, Recorded, StatementOf, Text
from ci.ledger.rendering.lines import told
from ci.ledger.signing.stated import Signed, here, stated
from ci.ledger.signing.statements import Word, one_line
from ci.ledger.store.store import Ledger
from ci.settings import Settings

COMMAND = "ssh-keygen -Y sign -n slipway -f KEY FILE"


async def statement_of(ledger: Ledger, request: StatementOf) -> Text:
    """Write the statement that somebody signs elsewhere."""
    text = stated(await ledger.read(), request, request.act, request.reason, request.seconds).text
    message = f"keep this text in FILE, sign it with `{COMMAND}`, and give FILE and FILE.sig:\n\n{text}"
    return Text(message=message, text=text, command=COMMAND)


async def approve(ledger: Ledger, request: Approve) -> Recorded:
    """Record an approval that counts.

    Raises:
        RefusedError: It would not count, because of who it is by, or what it is about.
    """
    history = await ledger.read()
    signed = await here(ledger, history, request, "approve", seconds=request.seconds)
    own = {"expires": signed.statement.expires, "note": one_line(request.note)}
    return await _spoken(ledger, history, request.settings, signed, records.Approval, own)


async def deny(ledger: Ledger, request: Deny) -> Recorded:
    """Record a denial; refused as an approval is."""
    history = await ledger.read()
    signed = await here(ledger, history, request, "deny", reason=request.reason)
    return await _spoken(ledger, history, request.settings, signed, records.Denial, {"reason": signed.statement.reason})


async def lift(ledger: Ledger, request: Lift) -> Recorded:
    """Record that denials are lifted; refused as an approval is, and where there are none."""
    history = await ledger.read()
    signed = await here(ledger, history, request, "lift", reason=request.reason)
    return await _spoken(ledger, history, request.settings, signed, records.Lift, {"reason": signed.statement.reason})


async def _spoken(
    ledger: Ledger, history: History, settings: Settings, signed: Signed, kind: type[Word], own: Mapping[str, object]
) -> Recorded:
    said = signed.statement
    about = {"environment": said.environment, "version": said.version, "digest": said.digest}
    draft = await ledger.draft(history, kind, **about, statement=signed.text, signature=signed.signature, **own)
    _raise_unless_it_counts(settings, history, draft.entry)
    await ledger.commit(history, draft)
    return Recorded(message=told(draft.entry), id=draft.entry.id, version=said.version)


def _raise_unless_it_counts(settings: Settings, history: History, entry: Entry[Word]) -> None:
    record, after = entry.record, history.followed_by(entry)
    place = (record.environment, record.digest)
    if isinstance(record, records.Approval):
        _raise_unless_approved(settings, history, entry, record)
    elif isinstance(record, records.Denial):
        if entry.id not in [denial.id for denial in standing_denials(settings, after, *place)]:
            raise RefusedError(f"{record.environment}: {entry.stated} is nobody under [people] in pipeline.toml")
    elif not standing_denials(settings, history, *place):
        raise RefusedError(f"{record.environment}: {record.version} is not denied: there is nothing to lift")
    elif standing_denials(settings, after, *place):
        roles = " or ".join(settings.environment(record.environment).approvals.roles)
        raise RefusedError(f"{record.environment}: {entry.stated} may not lift a denial, which takes the role {roles}")


def _raise_unless_approved(
    settings: Settings, history: History, entry: Entry[Word], approval: records.Approval
) -> None:
    place = (approval.environment, approval.digest, approval.at)
    before, _ = approvals_for(settings, history, *place)
    for given in before:
        if given.person == entry.stated:
            what = f"{entry.stated} approved {approval.version} already, until {given.expires:%Y-%m-%d %H:%M} UTC"
            raise RefusedError(f"{approval.environment}: {what}: everybody counts once")
    given_now, others = approvals_for(settings, history.followed_by(entry), *place)
    if entry.id not in [given.record for given in given_now]:
        name = entry.stated
        why = [other for other in others if other.startswith(f"that of {name} ")]
        raise RefusedError(*(f"{approval.environment}: an approval of {approval.version}: {what}" for what in why))
