"""What people typed into records reaches nobody as a command, a heading, a link or HTML."""

from ci.agent.protocol import responses as r
from ci.ledger.records import DeliveryStart
from ci.ledger.rendering.report import render_report
from ci.ledger.rendering.views import environments_view, history_view, release_view
from ci.results import DeployReport, History, Release
from tests.hostile_texts import HOSTILE, assert_harmless, assert_harmless_markdown, respond
from tests.ledger.workspace import DIGEST, Workspace


def test_ledger_is_harmless(workspace: Workspace) -> None:
    workspace.build("1.0", author=HOSTILE, commit=HOSTILE)
    stage = {"name": HOSTILE, "ok": False, "message": HOSTILE, "seconds": 1.0}
    start = {"environment": "dev", "action": "deploy", "version": HOSTILE, "digest": DIGEST, "override": HOSTILE}
    known = workspace.read()
    workspace.run(lambda ledger: ledger.append(known, DeliveryStart, **start), "author")
    workspace.deliver("dev", "1.0", "author", address=HOSTILE, stages=[stage])
    workspace.approve("lead", "acceptance", note=HOSTILE)
    workspace.deny("lead", "acceptance", reason=HOSTILE)
    history = workspace.read()
    view = history_view(history)
    result = History.of(respond(r.LedgerView(message="", history=view, problems=(HOSTILE,))))
    assert_harmless(result)
    assert_harmless_markdown(result.summary)
    release = Release.of(
        respond(r.LedgerView(message="", release=release_view(history, "1.0", workspace.settings), problems=(HOSTILE,)))
    )
    assert_harmless(release)
    assert_harmless_markdown(release.summary)
    report = DeployReport.of("dev", respond(r.LedgerView(message="", report=render_report(history, "dev"))))
    assert_harmless(report)
    assert_harmless_markdown(report.summary, heading="1.0 serves dev")
    assert_harmless(environments_view(history, workspace.settings))
