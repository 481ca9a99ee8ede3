"""The report of an environment's latest delivery, with the refusals of a version that is not delivered there."""

from ci.ledger.decisions import decide_now
from ci.ledger.errors import RefusedError
from ci.ledger.github import GithubAccess
from ci.ledger.history import History
from ci.ledger.policy import DeliveryInput
from ci.ledger.rendering.report import render_report
from ci.ledger.store.store import Ledger
from ci.ledger.views import ReportView
from ci.settings import Settings


async def read_report(
    ledger: Ledger, history: History, settings: Settings, asked: DeliveryInput, github: GithubAccess | None = None
) -> tuple[ReportView | None, str]:
    """Return the report of an environment's latest delivery, if there is one, and the whole text.

    With a version that the latest delivery did not bring into service, the text begins with its refusals.

    Raises:
        RefusedError: There was no delivery to the environment yet, and policy allows the version.
    """
    report = _find_report(history, asked)
    serves = report is not None and report.version == asked.version and report.outcome.serves
    refusals = ""
    if asked.version and not serves:
        # Outside a run nothing is recorded: GitHub confirms what is recorded already.
        access = GithubAccess(token_file=github.token_file) if github else None
        found = await decide_now(ledger, history, settings, asked, access)
        refusals = _render_refusals(asked, found.reasons)
    if report is None and not refusals:
        return render_report(history, asked.environment), ""
    return report, "\n".join(filter(None, [refusals, report.markdown if report else ""]))


def _find_report(history: History, asked: DeliveryInput) -> ReportView | None:
    try:
        return render_report(history, asked.environment)
    except RefusedError:
        if not asked.version:
            raise
        return None


def _render_refusals(asked: DeliveryInput, reasons: tuple[str, ...]) -> str:
    if not reasons:
        return ""
    lines = "\n".join(f"- {reason}" for reason in reasons)
    return f"## Policy does not allow {asked.version} in {asked.environment}\n\n{lines}\n"
