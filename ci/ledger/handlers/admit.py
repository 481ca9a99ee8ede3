"""Letting a deploy, a rollback or a restore in, and recording that it starts."""

from datetime import UTC, datetime

from ci.ledger.errors import RefusedError
from ci.ledger.github import consulted
from ci.ledger.policy import Wanted, admission
from ci.ledger.protocol import Admit, Admitted
from ci.ledger.records import ANONYMOUS, Start
from ci.ledger.rendering.lines import told
from ci.ledger.store.store import Ledger


async def admit(ledger: Ledger, request: Admit) -> Admitted:
    """Record the start of what the rules allow.

    Raises:
        RefusedError: They do not; every reason is told.
    """
    history, not_counting = await consulted(ledger, await ledger.read(), request)
    wanted = Wanted(
        environment=request.environment,
        version=request.version,
        actor=await ledger.signatures.me() or ANONYMOUS,
        signed=ledger.signatures.can_sign,
        now=datetime.now(UTC),
        action=request.action,
        override=request.override,
        force=request.force,
    )
    found = admission(request.settings, history, wanted)
    if found.refusals:
        raise RefusedError(*found.refusals, *not_counting)
    start, _ = await ledger.append(
        history,
        Start,
        environment=found.environment,
        action=found.action,
        version=found.version,
        digest=found.digest,
        override=found.override,
    )
    return Admitted(
        message=told(start),
        start=start.id,
        by=start.record.by,
        version=found.version,
        digest=found.digest,
        image=found.image,
        from_version=found.from_version,
        from_digest=found.from_digest,
        features=found.features,
        proven=found.proven,
        approvals=tuple(given.person for given in found.approvals),
        warnings=found.warnings,
    )
