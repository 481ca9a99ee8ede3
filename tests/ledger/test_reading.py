"""What people read: the history, a release's story, the report of a deploy, and what serves where."""

from typing import Any

import pytest

from ci.ledger import protocol as p
from tests.ledger.desk import DIGEST, OTHER_DIGEST, Desk

STAGES = (
    {"name": "candidate", "ok": True, "message": "healthy", "seconds": 2.5},
    {"name": "prove", "ok": False, "message": "1 | 2\nfailed", "seconds": 1.0},
)


def view(desk: Desk, name: str, **details: Any) -> p.Viewed:
    return desk.ask(p.Viewed, p.Read, view=name, **details)


@pytest.fixture
def told(desk: Desk) -> Desk:
    """A desk at a ledger of a release that runs in dev and may go to acceptance, and of one that failed."""
    desk.build("1.0", commit="c" * 40)
    desk.deploy("dev", "1.0", "author", address="http://localhost:8080")
    desk.ask(p.Recorded, p.Approve, "lead", environment="acceptance", version="1.0", note="go")
    desk.build("1.1", OTHER_DIGEST, who="")
    desk.deploy("dev", "1.1", "author", outcome="failed", stages=STAGES)
    return desk


def test_the_history_is_told_the_newest_first(told: Desk) -> None:
    found = view(told, "history")
    assert found.history is not None
    assert [line.text for line in found.history.lines[:3]] == [
        "dev: deploy of 1.1 (bbbbbbbbbbbb) by author: failed (prove: 1 | 2 failed)",
        "dev: deploy of 1.1 (bbbbbbbbbbbb) started by author",
        "1.1 built as bbbbbbbbbbbb by anonymous (12 tests)",
    ]
    assert len(found.history.lines) == 7
    assert found.message.endswith("1.0 built as aaaaaaaaaaaa by author (12 tests)")
    short = view(told, "history", environment="acceptance").history
    assert short is not None
    assert [(line.kind, line.by, line.signed, line.digest) for line in short.lines] == [
        ("approval", "lead", True, DIGEST)
    ]
    limited = view(told, "history", limit=2).history
    assert limited is not None
    assert [line.kind for line in limited.lines] == ["deploy", "start"]


def test_an_empty_ledger_has_little_to_tell(desk: Desk) -> None:
    assert view(desk, "history").message == "nothing is recorded yet"
    assert view(desk, "environments").message == "dev: nothing\nacceptance: nothing\nproduction: nothing"
    refused = desk.ask(p.Refused, p.Read, view="report", environment="dev")
    assert refused.message == "dev: nothing was ever deployed there: see deploy --env dev"
    assert "was never built; nothing was yet" in desk.ask(p.Refused, p.Read, view="release", version="1.0").message
    assert desk.ask(p.Refused, p.Read, view="report").message == "of what? give --env"


def test_a_release_has_a_story(told: Desk) -> None:
    found = view(told, "release", version="1.0").release
    assert found is not None
    assert (found.digest, found.author, found.commit, found.tests) == (DIGEST, "author", "c" * 40, 12)
    assert [line.kind for line in found.words] == ["approval"]
    assert [line.kind for line in found.runs] == ["start", "deploy"]
    assert found.serves == ("dev",)
    assert found.markdown.startswith("**1.0** (aaaaaaaaaaaa) serves dev\n\nBuilt ")
    assert "approved by lead" in found.markdown


def test_the_report_of_a_failed_deploy(told: Desk) -> None:
    found = view(told, "report", environment="dev").report
    assert found is not None
    assert (found.version, found.outcome, found.by) == ("1.1", "failed", "author")
    assert found.ended is not None
    lines = found.markdown.splitlines()
    assert lines[0] == "## 1.1 failed in dev"
    assert "- built by anonymous from no commit, written by author" in lines
    assert "- served before: 1.0 (aaaaaaaaaaaa)" in lines
    assert lines[-2:] == ["| candidate | passed | 2.5 s | healthy |", "| prove | failed | 1.0 s | 1 \\| 2<br>failed |"]


def test_the_report_of_a_deploy_that_went_well(told: Desk) -> None:
    told.deploy("acceptance", "1.0")
    found = view(told, "report", environment="acceptance").report
    assert found is not None
    assert found.markdown.startswith(f"## 1.0 serves acceptance\n\n- release: 1.0 (`{DIGEST}`)\n- deployed by lead")
    assert "- approved by lead\n" in found.markdown


def test_the_report_of_an_interrupted_deploy(told: Desk) -> None:
    told.ask(p.Admitted, p.Admit, "author", environment="dev", version="1.1")
    found = view(told, "report", environment="dev").report
    assert found is not None
    assert (found.outcome, found.ended) == ("interrupted", None)
    assert found.markdown.startswith("## 1.1 was started in dev and has no end")
    assert "(dev: deploy of 1.1 (bbbbbbbbbbbb) started by author)" in view(told, "environments").message


def test_the_report_names_what_is_wrong_with_the_ledger(told: Desk) -> None:
    told.revoked = told.keys["author"].with_suffix(".pub").read_text()
    found = view(told, "report", environment="dev")
    assert found.report is not None
    assert len(found.problems) == 5
    assert "**The ledger has 5 problems:**" in found.report.markdown
    assert "deployed by author (not proven)" in found.report.markdown
    assert " by author (not proven)\n" in view(told, "environments").message


def test_what_serves_where_and_since_when(told: Desk) -> None:
    first = view(told, "environments").environments
    told.deploy("dev", "1.0", "lead")
    again = view(told, "environments").environments
    assert first is not None
    assert again is not None
    dev, acceptance, _ = again.environments
    assert (dev.version, dev.digest, dev.by, dev.outcome) == ("1.0", DIGEST, "lead", "success")
    assert dev.since == first.environments[0].since
    assert dev.proven
    assert (acceptance.version, acceptance.since) == ("", None)
