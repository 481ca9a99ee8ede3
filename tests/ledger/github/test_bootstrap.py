"""Setting a repository up: printed without a token, done with one, and nothing the second time."""

from typing import Any

import pytest
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from ci.ledger import protocol as p
from ci.settings import Settings, SettingsError
from tests.ledger.desk import Desk
from tests.ledger.github.hub import Hub

BOTH = "one of author-login, lead-login, Stakeholder-Login opens it"
PLAN = (
    "environment dev: runs of main only; nobody has to open it",
    "environment acceptance: runs of main only; one of author-login, lead-login opens it",
    "environment production-approval-1: runs of main only; one of Stakeholder-Login opens it, not who started the run",
    f"environment production-approval-2: runs of main only; {BOTH}, not who started the run",
    "environment production: runs of main only; nobody has to open it",
    "branch main: changed by pull requests that passed check and that somebody else approved; no pushes by force",
)


def bootstrap(desk: Desk, access: p.GithubAccess, expected: Any = p.Planned) -> Any:
    return desk.ask(expected, p.BootstrapGithub, github=access)


def test_without_a_token_it_says_what_it_would_do(github: Desk, hub: Hub) -> None:
    said = bootstrap(github, p.GithubAccess())
    assert said.lines == PLAN
    assert said.message.splitlines()[1:] == list(PLAN)
    assert (said.changes, hub.asked) == ((), [])


def test_with_a_token_it_does_it_once(github: Desk, hub: Hub, access: Any) -> None:
    first = bootstrap(github, access())
    assert [change for change in first.changes if change in PLAN] == list(PLAN)
    assert len([change for change in first.changes if change.endswith(": takes runs of main")]) == 5
    reviewers = {
        name: [one["reviewer"]["id"] for rule in found["protection_rules"] for one in rule.get("reviewers", [])]
        for name, found in hub.environments.items()
    }
    assert reviewers == {
        "dev": [],
        "acceptance": [11, 13],
        "production-approval-1": [12],
        "production-approval-2": [11, 12, 13],
        "production": [],
    }
    assert hub.protection["required_status_checks"] == {"strict": True, "contexts": ["check"]}
    before = len(hub.asked)
    again = bootstrap(github, access())
    assert (again.changes, again.message) == ((), "everything was set up already")
    assert {line.partition(" ")[0] for line in hub.asked[before:]} == {"GET"}


def test_what_is_there_and_not_ours_stays(github: Desk, hub: Hub, access: Any) -> None:
    bootstrap(github, access())
    rules = hub.environments["acceptance"]["protection_rules"]
    rules.append({"type": "wait_timer", "wait_timer": 30})
    review = next(rule for rule in rules if rule["type"] == "required_reviewers")
    review["reviewers"] = [{"type": "Team", "reviewer": {"id": 99}}, {"type": "User", "reviewer": {"id": 66}}]
    hub.policies["acceptance"].append({"id": 5, "name": "v*", "type": "tag"})
    hub.protection["allow_force_pushes"] = {"enabled": True}
    hub.protection["required_status_checks"]["contexts"] = ["check", "docs"]
    hub.protection["required_pull_request_reviews"]["required_approving_review_count"] = 2
    hub.protection["required_linear_history"] = {"enabled": True}
    hub.protection["restrictions"] = {"users": [{"login": "lead-login"}], "teams": [{"slug": "leads"}], "apps": []}
    changes = bootstrap(github, access()).changes
    assert changes == (PLAN[1], "environment acceptance: takes no more runs of the tag v*", PLAN[-1])
    (timer,) = [rule for rule in hub.environments["acceptance"]["protection_rules"] if rule["type"] == "wait_timer"]
    (review,) = [rule for rule in hub.environments["acceptance"]["protection_rules"] if "reviewers" in rule]
    assert timer["wait_timer"] == 30
    assert [one["reviewer"]["id"] for one in review["reviewers"]] == [99, 11, 13]
    assert hub.protection["required_status_checks"]["contexts"] == ["check", "docs"]
    assert hub.protection["required_pull_request_reviews"]["required_approving_review_count"] == 2
    assert hub.protection["required_linear_history"] == {"enabled": True}
    assert hub.protection["restrictions"] == {"users": ["lead-login"], "teams": ["leads"], "apps": []}
    assert hub.protection["allow_force_pushes"] == {"enabled": False}


def test_what_a_plan_does_not_offer_keeps_nothing_else_from_being_set_up(github: Desk, hub: Hub, access: Any) -> None:
    told = "Please ensure the billing plan supports the required reviewers protection rule."

    def refuse(request: Request) -> Response | None:
        hub.faults.append(refuse)
        if request.method == "PUT" and request.url.path.endswith("/environments/acceptance"):
            return JSONResponse({"message": told}, 422)
        return None

    hub.faults = [refuse]
    failed = bootstrap(github, access(), p.Failed)
    assert failed.message.startswith(f"{PLAN[1]}: ")
    assert told in failed.message
    assert f"done nevertheless: {PLAN[-1]}" in failed.message
    assert "production" in hub.environments


def test_somebody_whom_github_does_not_know(github: Desk, hub: Hub, access: Any) -> None:
    del hub.users["lead-login"]
    refused = bootstrap(github, access(), p.Refused)
    assert refused.message == "pipeline.toml: people: GitHub knows nobody whose login is lead-login"


def test_people_without_a_login_are_told_of(github: Desk) -> None:
    github.settings = Settings.model_validate(
        github.settings.model_dump()
        | {"people": {"lead": {"roles": ["lead"]}, "stakeholder": {"roles": ["stakeholder"]}}}
    )
    said = bootstrap(github, p.GithubAccess())
    assert "environment acceptance: runs of main only; nobody has to open it (left out: lead)" in said.lines


def test_a_repository_has_to_be_named(github: Desk, access: Any) -> None:
    github.settings = Settings.model_validate(github.settings.model_dump() | {"github": {}})
    assert "github.repository: which one?" in bootstrap(github, access(), p.Refused).message


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ('github.repository="orders"', "github.repository: must be OWNER/NAME"),
        ('github.api="http://api.example.org"', "github.api: must start with https://"),
        ('github.branch="-x"', "github.branch: must be a branch's name"),
    ],
)
def test_settings_that_make_no_sense(change: str, problem: str) -> None:
    text = '[app]\nname = "orders"\nmodule = "orders"\n[registry]\nrepository = "localhost:5000/orders"\n'
    with pytest.raises(SettingsError, match=problem):
        Settings.parse(f'{text}[environments.dev]\nkind = "dev"\n', [change])
