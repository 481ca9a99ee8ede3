"""Views: the history, a version, the report of a delivery, and the environments."""

import pytest

from ci.ledger.errors import RefusedError
from ci.ledger.policy import DeliveryInput
from ci.ledger.rendering.report import render_report
from ci.ledger.rendering.views import (
    environments_view,
    history_view,
    release_view,
    render_environments,
    render_history,
)
from ci.ledger.reports import read_report
from ci.ledger.store.store import Ledger
from ci.ledger.views import EnvironmentsView
from ci.outcome import Outcome
from tests.ledger.workspace import DIGEST, OTHER_DIGEST, Workspace, refusal

STAGES = (
    {"name": "candidate", "ok": True, "message": "healthy", "seconds": 2.5},
    {"name": "test", "ok": False, "message": "1 | 2\nfailed", "seconds": 1.0},
)


@pytest.fixture
def filled(workspace: Workspace) -> Workspace:
    """Return a workspace with a release that runs in dev and is approved in acceptance, and one that failed."""
    workspace.build("1.0", commit="c" * 40)
    workspace.deliver("dev", "1.0", "author", address="http://localhost:8080")
    workspace.approve("lead", "acceptance", note="go")
    workspace.build("1.1", OTHER_DIGEST, who="")
    workspace.deliver("dev", "1.1", "author", outcome="failed", stages=STAGES)
    return workspace


def environments(workspace: Workspace) -> EnvironmentsView:
    return environments_view(workspace.read(), workspace.settings)


def test_history_lists_the_newest_record_first(filled: Workspace) -> None:
    view = history_view(filled.read())
    assert [line.text for line in view.lines[:3]] == [
        "dev: deploy of 1.1 (bbbbbbbbbbbb) by author: failed (test: 1 | 2 failed)",
        "dev: deploy of 1.1 (bbbbbbbbbbbb) started by author",
        "1.1 built as bbbbbbbbbbbb by anonymous (12 tests)",
    ]
    assert len(view.lines) == 7
    assert render_history(view).endswith("1.0 built as aaaaaaaaaaaa by author (12 tests)")
    acceptance = history_view(filled.read(), "acceptance")
    assert [(line.kind, line.actor, line.signed, line.digest) for line in acceptance.lines] == [
        ("approval", "lead", True, DIGEST)
    ]
    assert [line.kind for line in history_view(filled.read(), limit=2).lines] == ["delivery-end", "delivery-start"]


def test_views_of_an_empty_ledger_are_empty(workspace: Workspace) -> None:
    history = workspace.read()
    assert render_history(history_view(history)) == "nothing is recorded yet"
    assert render_environments(environments(workspace)) == "dev: nothing\nacceptance: nothing\nproduction: nothing"
    message = refusal(lambda: render_report(history, "dev"))
    assert message == "dev: nothing was deployed there yet: type `ci call deploy --env dev`"
    message = refusal(lambda: release_view(history, "1.0", workspace.settings))
    assert message == "1.0: was never built; no version was built yet"


def test_release_view_has_its_build_statements_and_deliveries(filled: Workspace) -> None:
    view = release_view(filled.read(), "1.0", filled.settings)
    assert (view.digest, view.author, view.commit, view.tests) == (DIGEST, "author", "c" * 40, 12)
    assert [line.kind for line in view.statements] == ["approval"]
    assert [line.kind for line in view.deliveries] == ["delivery-start", "delivery-end"]
    assert view.serves == ("dev",)
    assert view.markdown.startswith("**1.0** (aaaaaaaaaaaa) serves dev\n\nBuilt ")
    assert "approved by lead" in view.markdown


def test_report_of_a_failed_delivery_has_its_stages(filled: Workspace) -> None:
    report = render_report(filled.read(), "dev")
    assert (report.version, report.outcome, report.actor) == ("1.1", Outcome.FAILED, "author")
    assert report.ended is not None
    lines = report.markdown.splitlines()
    assert lines[0] == "## 1.1 failed in dev"
    assert "- built by anonymous from no commit, written by author" in lines
    assert "- previous release: 1.0 (aaaaaaaaaaaa)" in lines
    assert lines[-2:] == ["| candidate | passed | 2.5 s | healthy |", "| test | failed | 1.0 s | 1 \\| 2<br>failed |"]


@pytest.mark.parametrize(
    ("outcome", "headline"),
    [
        ("succeeded", "1.0 serves dev"),
        ("unchanged", "1.0 served dev already"),
        ("rolled_back", "1.0 failed its verification in dev and was rolled back"),
        ("inconclusive", "1.0 serves dev, but there were too few requests for a verdict"),
        ("interrupted", "1.0 was started in dev and has no end: it runs, or was killed"),
    ],
)
def test_report_prints_the_outcome(workspace: Workspace, outcome: str, headline: str) -> None:
    workspace.build()
    workspace.deliver("dev", who="author", outcome=outcome)
    report = render_report(workspace.read(), "dev")
    assert report.outcome == outcome
    assert report.markdown.startswith(f"## {headline}\n")
    assert f"UTC: {outcome}" in report.markdown


def test_report_of_a_successful_delivery_names_its_approvers(filled: Workspace) -> None:
    filled.deliver("acceptance", "1.0")
    report = render_report(filled.read(), "acceptance")
    assert report.markdown.startswith(f"## 1.0 serves acceptance\n\n- release: 1.0 (`{DIGEST}`)\n- deployed by lead")
    assert "- approved by lead\n" in report.markdown


def test_report_of_an_open_delivery_is_interrupted(filled: Workspace) -> None:
    filled.start("author", "dev", "1.1")
    report = render_report(filled.read(), "dev")
    assert (report.outcome, report.ended) == (Outcome.INTERRUPTED, None)
    assert report.markdown.startswith("## 1.1 was started in dev and has no end")
    assert "(dev: deploy of 1.1 (bbbbbbbbbbbb) started by author)" in render_environments(environments(filled))


def test_report_of_a_version_that_policy_refuses_begins_with_the_refusals(filled: Workspace) -> None:
    asked = DeliveryInput(environment="production", version="1.0")

    async def report(ledger: Ledger) -> str:
        found, text = await read_report(ledger, await ledger.read(), filled.settings, asked)
        assert found is None
        return text

    text = filled.run(report, "lead")
    assert text.startswith("## Policy does not allow 1.0 in production\n\n- production: 1.0 has 0 of 2 approvals")
    asked = DeliveryInput(environment="production")
    with pytest.raises(RefusedError, match="nothing was deployed there yet"):
        filled.run(report)


def test_report_lists_the_ledgers_problems(filled: Workspace) -> None:
    filled.revoked = filled.keys["author"].with_suffix(".pub").read_text()
    history = filled.read()
    report = render_report(history, "dev")
    assert len(history.problems) == 5
    assert "**The ledger has 5 problems:**" in report.markdown
    assert "deployed by author (unverified)" in report.markdown
    assert " by author (unverified)\n" in render_environments(environments(filled))


def test_environments_show_the_current_release_and_since_when(filled: Workspace) -> None:
    first = environments(filled).environments[0]
    filled.deliver("dev", "1.0", "lead", outcome="unchanged")
    dev, acceptance, _ = environments(filled).environments
    assert (dev.version, dev.digest, dev.actor, dev.outcome) == ("1.0", DIGEST, "lead", Outcome.UNCHANGED)
    assert dev.since == first.since
    assert dev.signed
    assert (acceptance.version, acceptance.since) == ("", None)
