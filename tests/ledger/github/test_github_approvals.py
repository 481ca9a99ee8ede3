"""Approvals on GitHub: whose count, for what, and only while GitHub confirms them."""

from typing import Any

import pytest
from starlette.responses import JSONResponse

from ci.ledger.decisions import CurrentDecision
from ci.ledger.github import GithubAccess, record_github_approvals
from ci.ledger.github.errors import GithubDeniedError
from ci.ledger.policy import DeliveryInput
from ci.ledger.records import Approval
from ci.ledger.rendering.github import describe_approvals
from ci.ledger.reports import read_report
from ci.ledger.store.store import Ledger
from ci.settings import Settings
from tests.ledger.github.fake_github import FakeGithub
from tests.ledger.workspace import OTHER_DIGEST, Workspace, refusal

LEAD, STAKEHOLDER = "lead-login", "stakeholder-login"


@pytest.fixture
def ready(github: Workspace) -> Workspace:
    """Return a workspace in which only approvals are missing to deploy 1.0 to production."""
    github.build()
    github.deliver("dev")
    github.approve("lead", "acceptance")
    github.deliver("acceptance")
    return github


def record(workspace: Workspace, github: GithubAccess, version: str = "1.0", environment: str = "production") -> Any:
    about = (environment, version)
    return workspace.run(lambda ledger: record_github_approvals(ledger, workspace.settings, *about, github), "lead")


def refused_record(workspace: Workspace, github: GithubAccess, version: str = "1.0") -> str:
    return refusal(lambda: record(workspace, github, version))


def check(workspace: Workspace, github: GithubAccess | None, version: str = "1.0", **details: Any) -> CurrentDecision:
    return workspace.check("lead", "production", version, github, **details)


def people_of(found: CurrentDecision) -> list[str]:
    return [approval.person for approval in found.decision.approvals]


def refused_check(workspace: Workspace, github: GithubAccess | None, version: str = "1.0") -> str:
    return refusal(lambda: check(workspace, github, version))


def recorded(workspace: Workspace) -> list[Approval]:
    return [entry.record for entry in workspace.read().of(Approval, environment="production")]


def test_reviewers_of_a_run_approve_production(ready: Workspace, fake: FakeGithub, access: Any) -> None:
    fake.run("7")
    fake.review("7", LEAD, "production-approval-1")
    fake.review("7", STAKEHOLDER, "production-approval-2")
    assert "has 0 of 2 approvals" in refused_check(ready, None)
    assert people_of(check(ready, access("7"))) == ["lead", "stakeholder"]
    assert [(one.source, one.run, one.login, one.actor) for one in recorded(ready)] == [
        ("github", "7", LEAD, "lead"),
        ("github", "7", STAKEHOLDER, "lead"),
    ]


def test_github_and_signed_approvals_count_together(ready: Workspace, fake: FakeGithub, access: Any) -> None:
    fake.run("7")
    fake.review("7", LEAD)
    ready.approve("stakeholder", "production")
    assert people_of(check(ready, access("7"))) == ["stakeholder", "lead"]


def test_copy_in_the_ledger_does_not_count_alone(ready: Workspace, fake: FakeGithub, access: Any) -> None:
    fake.run("7")
    fake.review("7", LEAD)
    fake.review("7", STAKEHOLDER)
    done = record(ready, access("7"))
    message = describe_approvals("production", "1.0", "7", done)
    assert message == "production: 1.0 is approved by lead, stakeholder in GitHub's run 7"
    without = refused_check(ready, None)
    assert "that of lead-login does not count: GitHub did not confirm it now" in without
    assert without.splitlines()[1] == (
        "production: GitHub must confirm its approvals: give --github-token (GITHUBTOKEN in .env)"
    )
    # Another run may use them, as long as GitHub confirms them.
    assert people_of(check(ready, access())) == ["lead", "stakeholder"]
    fake.reviews["7"].pop()
    gone = refused_check(ready, access())
    assert "has 1 of 2 approvals (lead)" in gone
    assert "GitHub does not confirm an approval by stakeholder-login in run 7" in gone


def test_approvals_are_recorded_once(ready: Workspace, fake: FakeGithub, access: Any) -> None:
    fake.run("7")
    fake.review("7", LEAD)
    record(ready, access("7"))
    assert record(ready, access("7")).people == ["lead"]
    refused_check(ready, access("7"))
    assert len(recorded(ready)) == 1


@pytest.mark.parametrize(
    ("login", "why"),
    [
        ("author-login", "that of author does not count: the person wrote or built the release"),
        ("passer-by", "passer-by approved on GitHub, but no person under [people] has this `github`"),
        # Neither a name under [people] nor an e-mail is a login.
        ("lead", "lead approved on GitHub, but no person under [people] has"),
        (None, "there is no approval of 1.0 in GitHub's run 7"),
    ],
    ids=["author", "unknown", "name", "gone"],
)
def test_approval_of_a_wrong_login_does_not_count(
    ready: Workspace, fake: FakeGithub, access: Any, login: str | None, why: str
) -> None:
    fake.run("7")
    fake.review("7", login)
    assert why in refused_record(ready, access("7"))
    assert recorded(ready) == []
    assert "has 0 of 2 approvals" in refused_check(ready, access("7"))


def test_approval_without_the_role_does_not_count(ready: Workspace, fake: FakeGithub, access: Any) -> None:
    ready.settings = Settings.model_validate(
        ready.settings.model_dump(by_alias=True)
        | {"people": {"guest": {"github": "guest-login"}} | ready.settings.model_dump(by_alias=True)["people"]}
    )
    fake.run("7")
    fake.review("7", "guest-login")
    assert "that of guest does not count: it takes the role lead or stakeholder" in refused_record(ready, access("7"))


def test_rejected_run_is_not_approved_by_the_same_login(ready: Workspace, fake: FakeGithub, access: Any) -> None:
    fake.run("7")
    fake.review("7", LEAD, state="rejected")
    fake.review("7", LEAD)
    assert "lead-login rejected this run on GitHub, too: start another one" in refused_record(ready, access("7"))


def test_one_person_counts_once(ready: Workspace, fake: FakeGithub, access: Any) -> None:
    fake.run("7")
    fake.review("7", LEAD, "production-approval-1")
    fake.review("7", LEAD, "production-approval-2", "production")
    assert "has 1 of 2 approvals (lead)" in refused_check(ready, access("7"))


@pytest.mark.parametrize(
    ("environment", "state"), [("acceptance", "approved"), ("production-eu", "approved"), ("production", "pending")]
)
def test_review_of_another_environment_or_state_is_not_an_approval(
    ready: Workspace, fake: FakeGithub, access: Any, environment: str, state: str
) -> None:
    fake.run("7")
    fake.review("7", LEAD, environment, state=state)
    assert "there is no approval of 1.0 in GitHub's run 7" in refused_record(ready, access("7"))


@pytest.mark.parametrize(
    ("details", "why"),
    [
        ({"display_title": "Deploy 1.1 to production"}, "its title is Deploy 1.1 to production, not Deploy 1.0 to pro"),
        ({"path": ".github/workflows/mine.yml"}, "its workflow is .github/workflows/mine.yml, not"),
        ({"head_branch": "mine"}, "its branch is mine, not main"),
        ({"event": "push"}, "its event is push, not workflow_dispatch"),
    ],
)
def test_run_of_another_workflow_does_not_count(
    ready: Workspace, fake: FakeGithub, access: Any, details: dict[str, Any], why: str
) -> None:
    fake.run("7", **details)
    fake.review("7", LEAD)
    message = refused_record(ready, access("7"))
    assert message.startswith("production: GitHub's run 7 does not count: ")
    assert why in message
    assert why in refused_check(ready, access("7"))


@pytest.mark.parametrize("status", ["queued", "in_progress", "waiting", "pending", "requested"])
def test_run_that_has_not_ended_counts(ready: Workspace, fake: FakeGithub, access: Any, status: str) -> None:
    fake.run("7", status=status)
    fake.review("7", LEAD)
    assert record(ready, access("7")).people == ["lead"]


def test_run_that_succeeded_counts(ready: Workspace, fake: FakeGithub, access: Any) -> None:
    fake.run("7", status="completed", conclusion="success")
    fake.review("7", LEAD)
    assert record(ready, access("7")).people == ["lead"]


@pytest.mark.parametrize(
    "conclusion",
    [
        "cancelled",
        "failure",
        "timed_out",
        "skipped",
        "stale",
        "action_required",
        "startup_failure",
        "neutral",
        "unheard_of",
    ],
)
def test_run_that_did_not_end_well_does_not_count(
    ready: Workspace, fake: FakeGithub, access: Any, conclusion: str
) -> None:
    fake.run("7", status="completed", conclusion=conclusion)
    for login in (LEAD, STAKEHOLDER):
        fake.review("7", login)
    why = f"production: GitHub's run 7 does not count: it ended as {conclusion}: start another one"
    assert why in refused_record(ready, access("7"))
    assert recorded(ready) == []
    assert why in refused_check(ready, access("7"))


@pytest.mark.parametrize("status", ["completed", "cancelled", "action_required", None])
def test_run_of_an_unknown_status_does_not_count(
    ready: Workspace, fake: FakeGithub, access: Any, status: str | None
) -> None:
    fake.run("7", status=status)
    fake.review("7", LEAD)
    assert "GitHub's run 7 does not count: it ended as " in refused_record(ready, access("7"))


def test_recorded_approvals_stop_counting_when_their_run_is_cancelled(
    ready: Workspace, fake: FakeGithub, access: Any
) -> None:
    fake.run("7")
    for login in (LEAD, STAKEHOLDER):
        fake.review("7", login)
    assert people_of(check(ready, access("7"))) == ["lead", "stakeholder"]
    fake.runs["7"] |= {"status": "completed", "conclusion": "cancelled"}
    # Another run does not get them either.
    message = refused_check(ready, access())
    assert "has 0 of 2 approvals" in message
    assert "GitHub's run 7 does not count: it ended as cancelled" in message


def test_rollback_does_not_depend_on_how_the_run_of_the_approvals_ended(
    ready: Workspace, fake: FakeGithub, access: Any
) -> None:
    fake.run("7")
    for login in (LEAD, STAKEHOLDER):
        fake.review("7", login)
    ready.deliver("production", github=access("7"))
    fake.runs["7"] |= {"status": "completed", "conclusion": "failure"}
    assert check(ready, access(), action="rollback").decision.version == "1.0"


def test_workflow_path_may_end_with_its_ref(ready: Workspace, fake: FakeGithub, access: Any) -> None:
    fake.run("7", path=".github/workflows/deploy-production.yml@refs/heads/main")
    fake.review("7", LEAD)
    assert record(ready, access("7")).people == ["lead"]


def test_approval_of_one_version_does_not_count_for_another(ready: Workspace, fake: FakeGithub, access: Any) -> None:
    fake.run("7", version="1.0")
    fake.review("7", LEAD)
    fake.review("7", STAKEHOLDER)
    record(ready, access("7"))
    ready.build("2.0", OTHER_DIGEST)

    async def forge(ledger: Ledger) -> None:
        history = await ledger.read()
        for entry in history.of(Approval, environment="production"):
            old = entry.record
            text = old.statement.replace("1.0", "2.0").replace(old.digest, OTHER_DIGEST)
            fields = old.model_dump(exclude={"app", "at", "actor", "parents", "kind", "record_schema"})
            fields |= {"version": "2.0", "digest": OTHER_DIGEST, "statement": text}
            _, history = await ledger.append(history, Approval, **fields)

    ready.run(forge)
    message = refused_check(ready, access(), "2.0")
    assert "2.0 has 0 of 2 approvals" in message
    assert "its title is Deploy 1.0 to production, not Deploy 2.0 to production" in message


def test_expiry_counts_from_the_runs_beginning(ready: Workspace, fake: FakeGithub, access: Any) -> None:
    fake.run("7", created_at="2020-01-01T00:00:00Z")
    fake.review("7", LEAD)
    assert "that of lead does not count: it expired 2020-01-08 00:00 UTC" in refused_record(ready, access("7"))


def test_signed_approvals_suffice_without_github(ready: Workspace, fake: FakeGithub, access: Any) -> None:
    for name in ("lead", "stakeholder"):
        ready.approve(name, "production")
    fake.faults = [lambda _: JSONResponse({"message": "no"}, 403)]
    assert people_of(check(ready, access("7"))) == ["lead", "stakeholder"]


def test_rollback_does_not_wait_for_github(ready: Workspace, fake: FakeGithub, access: Any) -> None:
    fake.run("7")
    fake.review("7", LEAD)
    fake.review("7", STAKEHOLDER)
    ready.deliver("production", github=access("7"))
    ready.build("2.0", OTHER_DIGEST)
    ready.deliver("dev", "2.0")
    for name, environment in (("lead", "acceptance"), ("lead", "production"), ("stakeholder", "production")):
        ready.approve(name, environment, "2.0")
        if environment == "acceptance":
            ready.deliver("acceptance", "2.0")
    ready.deliver("production", "2.0")
    assert check(ready, None, action="rollback").decision.version == "1.0"


def test_environment_without_approvals_does_not_ask_github(ready: Workspace, fake: FakeGithub, access: Any) -> None:
    assert ready.check("lead", "dev", "1.0", access("7")).decision.approvals == ()
    assert fake.requests == []
    message = refusal(lambda: record(ready, access("7"), environment="dev"))
    assert message == "dev: needs no approvals: see approvals.count in pipeline.toml"


def test_recording_without_its_inputs_is_refused(ready: Workspace, fake: FakeGithub, access: Any) -> None:
    assert "give --github-token" in refused_record(ready, GithubAccess(run="7"))
    assert "give --github-run" in refused_record(ready, access(""))
    fake.run("7", version="3.0")
    fake.review("7", LEAD)
    assert "production: 3.0 was never built" in refused_record(ready, access("7"), "3.0")
    ready.settings = Settings.model_validate(ready.settings.model_dump(by_alias=True) | {"github": {}})
    assert "github.repository: must be set" in refused_record(ready, access("7"))


def test_missing_token_file_is_denied(ready: Workspace, fake: FakeGithub) -> None:
    with pytest.raises(GithubDeniedError, match=r"^/nowhere/token: cannot read GitHub's token"):
        record(ready, GithubAccess(token_file="/nowhere/token", run="7"))  # noqa: S106 - a path
    assert fake.requests == []


def report(workspace: Workspace, github: GithubAccess, version: str = "1.0") -> str:
    asked = DeliveryInput(environment="production", version=version)

    async def read(ledger: Ledger) -> str:
        return (await read_report(ledger, await ledger.read(), workspace.settings, asked, github))[1]

    return workspace.run(read, "lead")


def test_report_begins_with_the_refusals_of_a_version(ready: Workspace, fake: FakeGithub, access: Any) -> None:
    fake.run("7")
    fake.review("7", LEAD)
    refused_check(ready, access("7"))
    text = report(ready, access())
    assert text.startswith(
        "## Policy does not allow 1.0 in production\n\n- production: 1.0 has 1 of 2 approvals (lead)"
    )
    fake.review("7", STAKEHOLDER)
    ready.deliver("production", github=access("7"))
    assert report(ready, access()).startswith("## 1.0 serves production")
    assert "approved by lead-login on GitHub, stakeholder-login on GitHub" in report(ready, access())
    ready.build("2.0", OTHER_DIGEST)
    other = report(ready, access(), "2.0")
    assert other.startswith("## Policy does not allow 2.0 in production")
    assert "## 1.0 serves production" in other
    assert report(ready, access(), "").startswith("## 1.0 serves production")
