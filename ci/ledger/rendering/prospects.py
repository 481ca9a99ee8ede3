"""Why a version may not go somewhere now: what a report has to tell of a deploy that was not let in."""

from datetime import UTC, datetime

from ci.ledger.errors import RefusedError
from ci.ledger.github import consulted
from ci.ledger.history import SERVING, History
from ci.ledger.policy import Wanted, admission
from ci.ledger.protocol import Admit, GithubAccess, Read
from ci.ledger.records import ANONYMOUS
from ci.ledger.rendering.report import report
from ci.ledger.store.store import Ledger
from ci.ledger.views import Report


async def reported(ledger: Ledger, history: History, request: Read) -> tuple[Report | None, str]:
    """Return the report of an environment's latest deploy, if there is one, and its text.

    With a version, the text begins with why that one may not go there now, unless it does run there.

    Raises:
        RefusedError: Nothing was ever deployed there, and nothing speaks against the version.
    """
    refusal = ""
    try:
        found: Report | None = report(history, request.environment)
    except RefusedError:
        if not request.version:
            raise
        found = None
    runs = found and found.version == request.version and found.outcome in SERVING
    if request.version and not runs:
        refusal = await _refusal(ledger, history, request)
    if found is None and not refusal:
        return report(history, request.environment), ""
    return found, "\n".join(filter(None, [refusal, found.markdown if found else ""]))


async def _refusal(ledger: Ledger, history: History, request: Read) -> str:
    where = {"environment": request.environment, "version": request.version}
    # Without a run nothing is recorded: GitHub is asked about what is recorded already.
    asking = Admit(settings=request.settings, github=GithubAccess(token_file=request.github.token_file), **where)
    history, others = await consulted(ledger, history, asking)
    wanted = Wanted(
        actor=await ledger.signatures.me() or ANONYMOUS,
        signed=ledger.signatures.can_sign,
        now=datetime.now(UTC),
        **where,
    )
    refusals = admission(request.settings, history, wanted).refusals
    if not refusals:
        return ""
    lines = "\n".join(f"- {reason}" for reason in (*refusals, *others))
    return f"## {request.version} is not let into {request.environment}\n\n{lines}\n"
