"""Approvals that were given on GitHub: whose count, for what, and only as long as GitHub says so."""

import re
from typing import Any

import pytest
from starlette.responses import JSONResponse

from ci.ledger import protocol as p
from ci.ledger.records import Approval
from ci.ledger.store.store import Ledger
from ci.settings import Settings
from tests.ledger.desk import OTHER_DIGEST, Desk
from tests.ledger.github.hub import Hub

LEAD, STAKEHOLDER = "lead-login", "stakeholder-login"


@pytest.fixture
def ready(github: Desk) -> Desk:
    """Return a desk at which nothing but approvals keeps 1.0 from production."""
    github.build()
    github.deploy("dev")
    github.ask(p.Recorded, p.Approve, "lead", environment="acceptance", version="1.0")
    github.deploy("acceptance")
    return github


def approve(desk: Desk, access: Any, expected: Any = p.GithubRead, version: str = "1.0", run: str = "7") -> Any:
    return desk.ask(
        expected, p.ApproveFromGithub, "lead", environment="production", version=version, github=access(run)
    )


def admit(desk: Desk, github: p.GithubAccess | None, expected: Any = p.Refused, **details: Any) -> Any:
    details = {"environment": "production", "version": "1.0", "github": github or p.GithubAccess()} | details
    return desk.ask(expected, p.Admit, "lead", **details)


def written(desk: Desk) -> list[Approval]:
    async def read(ledger: Ledger) -> list[Approval]:
        return [entry.record for entry in (await ledger.read()).of(Approval, environment="production")]

    found: list[Approval] = desk.with_ledger(read)
    return found


def test_reviewers_of_a_run_open_production(ready: Desk, hub: Hub, access: Any) -> None:
    hub.run("7")
    hub.review("7", LEAD, "production-approval-1")
    hub.review("7", STAKEHOLDER, "production-approval-2")
    assert "has 0 of 2 approvals" in admit(ready, None).message
    admitted = admit(ready, access("7"), p.Admitted)
    assert admitted.approvals == ("lead", "stakeholder")
    assert [(one.source, one.run, one.login, one.by) for one in written(ready)] == [
        ("github", "7", LEAD, "lead"),
        ("github", "7", STAKEHOLDER, "lead"),
    ]


def test_they_count_together_with_signed_ones(ready: Desk, hub: Hub, access: Any) -> None:
    hub.run("7")
    hub.review("7", LEAD)
    ready.ask(p.Recorded, p.Approve, "stakeholder", environment="production", version="1.0")
    assert admit(ready, access("7"), p.Admitted).approvals == ("stakeholder", "lead")


def test_a_copy_in_the_ledger_opens_nothing(ready: Desk, hub: Hub, access: Any) -> None:
    hub.run("7")
    hub.review("7", LEAD)
    hub.review("7", STAKEHOLDER)
    said = approve(ready, access)
    assert said.message == "production: 1.0 is approved by lead, stakeholder in GitHub's run 7"
    without = admit(ready, None)
    assert "that of lead-login does not count: GitHub did not tell of it now" in without.reasons[0]
    assert without.reasons[1] == (
        "production: approvals on GitHub count when it is asked again: give --github-token (GITHUBTOKEN in .env)"
    )
    # Another run may use them, as long as GitHub still tells of them.
    assert admit(ready, access(), p.Admitted).approvals == ("lead", "stakeholder")
    hub.reviews["7"].pop()
    gone = admit(ready, access())
    assert "has 1 of 2 approvals (lead)" in gone.reasons[0]
    assert re.search(r"GitHub does not tell of an approval by stakeholder-login in run 7", gone.message)


def test_they_are_recorded_once(ready: Desk, hub: Hub, access: Any) -> None:
    hub.run("7")
    hub.review("7", LEAD)
    approve(ready, access)
    assert approve(ready, access).people == ("lead",)
    admit(ready, access("7"))
    assert len(written(ready)) == 1


@pytest.mark.parametrize(
    ("login", "why"),
    [
        ("author-login", "that of author does not count: they wrote or built it"),
        ("passer-by", "passer-by approved on GitHub, but is nobody's `github = "),
        # Neither a name under [people] nor an e-mail is a login.
        ("lead", "lead approved on GitHub, but is nobody's"),
        (None, "nobody approved of 1.0 in GitHub's run 7"),
    ],
    ids=["author", "unknown", "name", "gone"],
)
def test_whose_do_not_count(ready: Desk, hub: Hub, access: Any, login: str | None, why: str) -> None:
    hub.run("7")
    hub.review("7", login)
    assert why in approve(ready, access, p.Refused).message
    assert written(ready) == []
    assert "has 0 of 2 approvals" in admit(ready, access("7")).message


def test_who_has_not_the_role_does_not_count(ready: Desk, hub: Hub, access: Any) -> None:
    ready.settings = Settings.model_validate(
        ready.settings.model_dump()
        | {"people": {"guest": {"github": "guest-login"}} | ready.settings.model_dump()["people"]}
    )
    hub.run("7")
    hub.review("7", "guest-login")
    assert (
        "that of guest does not count: it takes the role lead or stakeholder"
        in approve(ready, access, p.Refused).message
    )


def test_who_rejected_the_run_does_not_count(ready: Desk, hub: Hub, access: Any) -> None:
    hub.run("7")
    hub.review("7", LEAD, state="rejected")
    hub.review("7", LEAD)
    assert "lead-login rejected this run on GitHub, too: start another one" in approve(ready, access, p.Refused).message


def test_one_person_counts_once(ready: Desk, hub: Hub, access: Any) -> None:
    hub.run("7")
    hub.review("7", LEAD, "production-approval-1")
    hub.review("7", LEAD, "production-approval-2", "production")
    assert "has 1 of 2 approvals (lead)" in admit(ready, access("7")).message


@pytest.mark.parametrize(
    ("environment", "state"), [("acceptance", "approved"), ("production-eu", "approved"), ("production", "pending")]
)
def test_another_environment_or_another_word_is_no_approval(
    ready: Desk, hub: Hub, access: Any, environment: str, state: str
) -> None:
    hub.run("7")
    hub.review("7", LEAD, environment, state=state)
    assert "nobody approved of 1.0 in GitHub's run 7" in approve(ready, access, p.Refused).message


@pytest.mark.parametrize(
    ("details", "why"),
    [
        ({"display_title": "Deploy 1.1 to production"}, "its title is Deploy 1.1 to production, not Deploy 1.0 to pro"),
        ({"path": ".github/workflows/mine.yml"}, "its workflow is .github/workflows/mine.yml, not"),
        ({"head_branch": "mine"}, "its branch is mine, not main"),
        ({"event": "push"}, "its event is push, not workflow_dispatch"),
    ],
)
def test_a_run_of_something_else_does_not_count(
    ready: Desk, hub: Hub, access: Any, details: dict[str, Any], why: str
) -> None:
    hub.run("7", **details)
    hub.review("7", LEAD)
    refused = approve(ready, access, p.Refused)
    assert refused.message.startswith("production: GitHub's run 7 does not count: ")
    assert why in refused.message
    assert why in admit(ready, access("7")).message


def test_a_workflow_may_be_named_with_its_ref(ready: Desk, hub: Hub, access: Any) -> None:
    hub.run("7", path=".github/workflows/deploy-production.yml@refs/heads/main")
    hub.review("7", LEAD)
    assert approve(ready, access).people == ("lead",)


def test_a_real_approval_of_one_version_is_none_of_another(ready: Desk, hub: Hub, access: Any) -> None:
    hub.run("7", version="1.0")
    hub.review("7", LEAD)
    hub.review("7", STAKEHOLDER)
    approve(ready, access)
    ready.build("2.0", OTHER_DIGEST)

    async def forge(ledger: Ledger) -> None:
        history = await ledger.read()
        for entry in history.of(Approval, environment="production"):
            old = entry.record
            text = old.statement.replace("1.0", "2.0").replace(old.digest, OTHER_DIGEST)
            fields = old.model_dump(exclude={"app", "at", "by", "parents", "kind"})
            fields |= {"version": "2.0", "digest": OTHER_DIGEST, "statement": text}
            _, history = await ledger.append(history, Approval, **fields)

    ready.with_ledger(forge)
    refused = admit(ready, access(), version="2.0")
    assert "2.0 has 0 of 2 approvals" in refused.message
    assert "its title is Deploy 1.0 to production, not Deploy 2.0 to production" in refused.message


def test_a_record_cannot_make_itself_younger(ready: Desk, hub: Hub, access: Any) -> None:
    hub.run("7", created_at="2020-01-01T00:00:00Z")
    hub.review("7", LEAD)
    assert "that of lead does not count: it expired 2020-01-08 00:00 UTC" in approve(ready, access, p.Refused).message


def test_signed_approvals_suffice_where_github_is_down(ready: Desk, hub: Hub, access: Any) -> None:
    for name in ("lead", "stakeholder"):
        ready.ask(p.Recorded, p.Approve, name, environment="production", version="1.0")
    hub.faults = [lambda _: JSONResponse({"message": "no"}, 403)]
    assert admit(ready, access("7"), p.Admitted).approvals == ("lead", "stakeholder")


def test_going_back_does_not_wait_for_github(ready: Desk, hub: Hub, access: Any) -> None:
    hub.run("7")
    hub.review("7", LEAD)
    hub.review("7", STAKEHOLDER)
    admitted = admit(ready, access("7"), p.Admitted)
    ready.conclude(admitted, "production")
    ready.build("2.0", OTHER_DIGEST)
    ready.deploy("dev", "2.0")
    for name, environment in (("lead", "acceptance"), ("lead", "production"), ("stakeholder", "production")):
        ready.ask(p.Recorded, p.Approve, name, environment=environment, version="2.0")
        if environment == "acceptance":
            ready.deploy("acceptance", "2.0")
    ready.deploy("production", "2.0")
    assert admit(ready, None, p.Admitted, action="rollback").version == "1.0"


def test_an_environment_without_approvals_asks_nothing(ready: Desk, hub: Hub, access: Any) -> None:
    assert admit(ready, access("7"), p.Admitted, environment="dev").approvals == ()
    assert hub.asked == []
    assert (
        "dev: takes no approvals"
        in ready.ask(
            p.Refused, p.ApproveFromGithub, "lead", environment="dev", version="1.0", github=access("7")
        ).message
    )


def test_what_has_to_be_said_first(ready: Desk, hub: Hub, access: Any) -> None:
    assert (
        "give --github-token"
        in ready.ask(
            p.Refused, p.ApproveFromGithub, environment="production", version="1.0", github=p.GithubAccess(run="7")
        ).message
    )
    assert "which run? give --github-run" in approve(ready, access, p.Refused, run="").message
    hub.run("7", version="3.0")
    hub.review("7", LEAD)
    assert "production: 3.0 was never built" in approve(ready, access, p.Refused, version="3.0").message
    ready.settings = Settings.model_validate(ready.settings.model_dump() | {"github": {}})
    assert "[github] repository" in approve(ready, access, p.Refused).message


def test_a_token_that_is_none(ready: Desk, hub: Hub) -> None:
    missing = p.GithubAccess(token_file="/nowhere/token", run="7")  # noqa: S106 - a path
    failed = approve(ready, lambda _: missing, p.Failed)
    assert (failed.reason, hub.asked) == ("denied", [])
    assert "cannot read GitHub's token" in failed.message


def report(desk: Desk, github: p.GithubAccess, version: str = "1.0") -> str:
    asked = {"view": "report", "environment": "production", "version": version, "github": github}
    return desk.ask(p.Viewed, p.Read, "lead", **asked).message


def test_a_report_says_why_a_version_was_not_let_in(ready: Desk, hub: Hub, access: Any) -> None:
    hub.run("7")
    hub.review("7", LEAD)
    admit(ready, access("7"))
    said = report(ready, access())
    assert said.startswith("## 1.0 is not let into production\n\n- production: 1.0 has 1 of 2 approvals (lead)")
    hub.review("7", STAKEHOLDER)
    ready.conclude(admit(ready, access("7"), p.Admitted), "production")
    assert report(ready, access()).startswith("## 1.0 serves production")
    assert "approved by lead-login on GitHub, stakeholder-login on GitHub" in report(ready, access())
    ready.build("2.0", OTHER_DIGEST)
    other = report(ready, access(), "2.0")
    assert other.startswith("## 2.0 is not let into production")
    assert "## 1.0 serves production" in other
    assert report(ready, access(), "").startswith("## 1.0 serves production")
