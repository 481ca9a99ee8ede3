"""The report of an environment's latest delivery, with the refusals of a version that is not delivered there."""

from ci.escaping import for_markdown
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
    ledger: Ledger, history: History, settings: Settings, delivery: DeliveryInput, github: GithubAccess | None = None
) -> tuple[ReportView | None, str]:
    """Return the report of an environment's latest delivery, if there is one, and the whole text.

    With a version that the latest delivery did not bring into service, the text begins with its refusals.

    Raises:
        RefusedError: There was no delivery to the environment yet, and policy allows the version.
    """
    report = _find_report(history, delivery)
    serves = report is not None and report.version == delivery.version and report.outcome.serves
    refusals = ""
    if delivery.version and not serves:
        # Outside a run nothing is recorded: GitHub confirms what is recorded already.
        access = GithubAccess(token_file=github.token_file) if github else None
        found = await decide_now(ledger, history, settings, delivery, access)
        refusals = _render_refusals(delivery, found.reasons)
    if report is None and not refusals:
        return render_report(history, delivery.environment), ""
    return report, "\n".join(filter(None, [refusals, report.markdown if report else ""]))


def _find_report(history: History, delivery: DeliveryInput) -> ReportView | None:
    try:
        return render_report(history, delivery.environment)
    except RefusedError:
        if not delivery.version:
            raise
        return None


def _render_refusals(delivery: DeliveryInput, reasons: tuple[str, ...]) -> str:
    if not reasons:
        return ""
    lines = "\n".join(f"- {for_markdown(reason)}" for reason in reasons)
    what = f"{delivery.version} in {delivery.environment}"
    return f"## Policy does not allow {for_markdown(what)}\n\n{lines}\n"
