"""Recording how a deploy ended, and before it what the target said about what was before."""

from typing import Literal

from ci.ledger.errors import RefusedError
from ci.ledger.history import Entry, History
from ci.ledger.notifications import tell
from ci.ledger.protocol import Conclude, Recorded
from ci.ledger.records import Deploy, Ended, Recovery, Start, Takeover
from ci.ledger.rendering.lines import short, told
from ci.ledger.store.store import Ledger

MESSAGES = {
    "undone": "what a deploy had left was undone by the next command",
    "finished": "what a deploy had left was finished by the next command",
    "nothing": "a deploy without an end had left nothing to undo",
    "serves": "a deploy that could not tell how it ended serves",
}


async def conclude(ledger: Ledger, request: Conclude) -> Recorded:
    """Record the end of a deploy.

    Raises:
        RefusedError: It never started.
    """
    history = await ledger.read()
    start = next((entry for entry in history.of(Start) if entry.id == request.start), None)
    if start is None or start.record.environment != request.environment:
        raise RefusedError(f"{request.environment}: no deploy {request.start[:12]} was started there")
    # Who is not sure whether the registry heard it says it again; what somebody else says does not count.
    me = await ledger.signatures.me()
    for known in history.of(Deploy, environment=request.environment):
        if known.record.start == start.id and known.signer == me:
            return Recorded(message=told(known), id=known.id, version=request.version, existing=True)
    history = await _taken_over(ledger, history, request)
    # Without the lock nothing is known of the target, and those who have no end yet may well be at work.
    if request.serving_before_digest is not None:
        left = _left_open(history, start) or _ended_otherwise(history, request)
        for one in left:
            # The target holds the traces of the last one only.
            history = await _recovered(ledger, history, request, one, request.recovered if one is left[-1] else "")
        history = await _observed(ledger, history, request)
    before = history.serving(request.environment)
    ended = {name: getattr(request, name) for name in Ended.model_fields}
    entry, _ = await ledger.append(
        history,
        Deploy,
        **ended,
        from_version=before.record.version if before else "",
        from_digest=before.record.digest if before else "",
    )
    failures = await tell(request.settings.environment(request.environment).tell, entry)
    return Recorded(message="; ".join([told(entry), *failures]), id=entry.id, version=request.version)


async def _taken_over(ledger: Ledger, history: History, request: Conclude) -> History:
    if not request.took_over:
        return history
    message = "it had expired"
    place = {"environment": request.environment, "holder": request.took_over}
    return (await ledger.append(history, Takeover, **place, message=message))[1]


def _left_open(history: History, start: Entry[Start]) -> list[Entry[Start]]:
    """Return the starts before this one that have no end; a later one may still be waiting for the lock."""
    order = [entry.id for entry in history.entries]
    earlier = set(order[: order.index(start.id)])
    return [entry for entry in history.open_starts(start.record.environment) if entry.id in earlier]


def _ended_otherwise(history: History, request: Conclude) -> list[Entry[Start]]:
    """Return the start whose end was recorded last, where the target shows that it could not tell its true end."""
    ended = history.of(Deploy, environment=request.environment)[-1:]
    wrong = [entry.record.start for entry in ended if request.recovered or _got_through(history, request, entry.record)]
    return [entry for entry in history.of(Start) if entry.id in wrong]


def _got_through(history: History, request: Conclude, ended: Deploy) -> bool:
    """Tell whether a deploy serves that lost its target after the switch, and so was recorded as a failure."""
    switched = any(stage.name == "switch" and stage.ok for stage in ended.stages)
    return switched and ended.digest == request.serving_before_digest != _recorded(history, request)


async def _recovered(
    ledger: Ledger, history: History, request: Conclude, left: Entry[Start], done: Literal["undone", "finished", ""]
) -> History:
    serves = left.record.digest == request.serving_before_digest
    what = MESSAGES[done or ("serves" if serves else "nothing")]
    _, history = await ledger.append(
        history,
        Recovery,
        environment=request.environment,
        start=left.id,
        # What was killed before it changed anything is as good as undone; what could not tell its end may have one.
        outcome=done or ("finished" if serves else "undone"),
        version=_version_before(history, request),
        digest=request.serving_before_digest,
        message=f"{what} ({left.record.version}, started by {left.record.by})",
    )
    return history


async def _observed(ledger: Ledger, history: History, request: Conclude) -> History:
    recorded = _recorded(history, request)
    if recorded == request.serving_before_digest:
        return history
    before = history.serving(request.environment)
    was = f"{before.record.version} ({short(recorded)})" if before and recorded else "nothing"
    _, history = await ledger.append(
        history,
        Recovery,
        environment=request.environment,
        outcome="observed",
        version=_version_before(history, request),
        digest=request.serving_before_digest,
        message=f"the target was changed by hand, outside the ledger, which said that {was} serves",
    )
    return history


def _recorded(history: History, request: Conclude) -> str:
    """Return the digest of what serves by the ledger; empty: nothing."""
    before = history.serving(request.environment)
    return before.record.digest if before else ""


def _version_before(history: History, request: Conclude) -> str:
    """Return the version that the target names, else the one that the ledger knows of the digest."""
    if request.serving_before_version or not request.serving_before_digest:
        return request.serving_before_version
    named = [getattr(entry.record, "version", "") for entry in history.of_digest(request.serving_before_digest)]
    return next(reversed(named), "")
