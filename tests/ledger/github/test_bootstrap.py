"""The setup of a repository: planned without a token, applied with one, and unchanged the second time."""

import asyncio
from typing import Any

import pytest
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from ci.ledger.errors import RefusedError
from ci.ledger.github import BootstrapResult, GithubAccess, bootstrap_repository
from ci.ledger.github.errors import GithubError
from ci.ledger.rendering.github import describe_bootstrap
from ci.settings import Settings, SettingsError
from tests.ledger.github.fake_github import FakeGithub
from tests.ledger.workspace import Workspace

BOTH = "one of author-login, lead-login, Stakeholder-Login opens it"
PLAN = (
    "environment dev: runs of main only; needs no review",
    "environment acceptance: runs of main only; one of author-login, lead-login opens it",
    (
        "environment production-approval-1: runs of main only; one of Stakeholder-Login opens it, "
        "but not the person who started the run"
    ),
    f"environment production-approval-2: runs of main only; {BOTH}, but not the person who started the run",
    "environment production: runs of main only; needs no review",
    "branch main: changed by pull requests that passed check and that another person approved; no force pushes",
)


def bootstrap(workspace: Workspace, access: GithubAccess) -> BootstrapResult:
    return asyncio.run(bootstrap_repository(workspace.settings, access.token_file))


def test_bootstrap_without_a_token_returns_the_plan(github: Workspace, fake: FakeGithub) -> None:
    result = bootstrap(github, GithubAccess())
    assert describe_bootstrap(github.settings, result).splitlines()[1:] == list(PLAN)
    assert (result.lines, result.changes, fake.requests) == (PLAN, None, [])


def test_bootstrap_with_a_token_applies_the_plan_once(github: Workspace, fake: FakeGithub, access: Any) -> None:
    first = bootstrap(github, access())
    changes = first.changes or ()
    assert [change for change in changes if change in PLAN] == list(PLAN)
    assert len([change for change in changes if change.endswith(": allows runs of main")]) == 5
    reviewers = {
        name: [one["reviewer"]["id"] for rule in found["protection_rules"] for one in rule.get("reviewers", [])]
        for name, found in fake.environments.items()
    }
    assert reviewers == {
        "dev": [],
        "acceptance": [11, 13],
        "production-approval-1": [12],
        "production-approval-2": [11, 12, 13],
        "production": [],
    }
    assert fake.protection["required_status_checks"] == {"strict": True, "contexts": ["check"]}
    before = len(fake.requests)
    again = bootstrap(github, access())
    assert (again.changes, describe_bootstrap(github.settings, again)) == ((), "everything was set up already")
    assert {line.partition(" ")[0] for line in fake.requests[before:]} == {"GET"}


def test_bootstrap_keeps_settings_that_are_not_planned(github: Workspace, fake: FakeGithub, access: Any) -> None:
    bootstrap(github, access())
    rules = fake.environments["acceptance"]["protection_rules"]
    rules.append({"type": "wait_timer", "wait_timer": 30})
    review = next(rule for rule in rules if rule["type"] == "required_reviewers")
    review["reviewers"] = [{"type": "Team", "reviewer": {"id": 99}}, {"type": "User", "reviewer": {"id": 66}}]
    fake.policies["acceptance"].append({"id": 5, "name": "v*", "type": "tag"})
    fake.protection["allow_force_pushes"] = {"enabled": True}
    fake.protection["required_status_checks"]["contexts"] = ["check", "docs"]
    fake.protection["required_pull_request_reviews"]["required_approving_review_count"] = 2
    fake.protection["required_linear_history"] = {"enabled": True}
    fake.protection["restrictions"] = {"users": [{"login": "lead-login"}], "teams": [{"slug": "leads"}], "apps": []}
    changes = bootstrap(github, access()).changes
    assert changes == (PLAN[1], "environment acceptance: allows no more runs of the tag v*", PLAN[-1])
    (timer,) = [rule for rule in fake.environments["acceptance"]["protection_rules"] if rule["type"] == "wait_timer"]
    (review,) = [rule for rule in fake.environments["acceptance"]["protection_rules"] if "reviewers" in rule]
    assert timer["wait_timer"] == 30
    assert [one["reviewer"]["id"] for one in review["reviewers"]] == [99, 11, 13]
    assert fake.protection["required_status_checks"]["contexts"] == ["check", "docs"]
    assert fake.protection["required_pull_request_reviews"]["required_approving_review_count"] == 2
    assert fake.protection["required_linear_history"] == {"enabled": True}
    assert fake.protection["restrictions"] == {"users": ["lead-login"], "teams": ["leads"], "apps": []}
    assert fake.protection["allow_force_pushes"] == {"enabled": False}


def test_rejected_change_does_not_stop_the_others(github: Workspace, fake: FakeGithub, access: Any) -> None:
    message = "Please ensure the billing plan supports the required reviewers protection rule."

    def refuse(request: Request) -> Response | None:
        fake.faults.append(refuse)
        if request.method == "PUT" and request.url.path.endswith("/environments/acceptance"):
            return JSONResponse({"message": message}, 422)
        return None

    fake.faults = [refuse]
    with pytest.raises(GithubError) as caught:
        bootstrap(github, access())
    assert str(caught.value).startswith(f"{PLAN[1]}: ")
    assert message in str(caught.value)
    assert f"applied: {PLAN[-1]}" in str(caught.value)
    assert "production" in fake.environments


def test_unknown_login_is_refused(github: Workspace, fake: FakeGithub, access: Any) -> None:
    del fake.users["lead-login"]
    with pytest.raises(RefusedError, match=r"^pipeline\.toml: people: GitHub has no user with the login lead-login$"):
        bootstrap(github, access())


def test_plan_names_people_without_a_login(github: Workspace) -> None:
    github.settings = Settings.model_validate(
        github.settings.model_dump()
        | {"people": {"lead": {"roles": ["lead"]}, "stakeholder": {"roles": ["stakeholder"]}}}
    )
    result = bootstrap(github, GithubAccess())
    assert "environment acceptance: runs of main only; needs no review (left out: lead)" in result.lines


def test_bootstrap_without_a_repository_is_refused(github: Workspace, access: Any) -> None:
    github.settings = Settings.model_validate(github.settings.model_dump() | {"github": {}})
    with pytest.raises(RefusedError, match=r"github\.repository: must be set"):
        bootstrap(github, access())


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ('github.repository="orders"', "github.repository: must be OWNER/NAME"),
        ('github.api="http://api.example.org"', "github.api: must start with https://"),
        ('github.branch="-x"', "github.branch: must be a branch's name"),
    ],
)
def test_invalid_github_setting_is_refused(change: str, problem: str) -> None:
    text = '[app]\nname = "orders"\nmodule = "orders"\n[registry]\nrepository = "localhost:5000/orders"\n'
    with pytest.raises(SettingsError, match=problem):
        Settings.parse(f'{text}[environments.dev]\nkind = "dev"\n', [change])
