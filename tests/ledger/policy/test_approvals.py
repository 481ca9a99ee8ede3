"""Who may change an environment, and whose word it takes."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from ci.ledger.policy import approvals_for, author_names

if TYPE_CHECKING:
    from tests.ledger.policy.conftest import World


@pytest.fixture
def ready(world: World) -> World:
    """Return a world in which nothing but approvals keeps 1.0.0 from production."""
    world.promote("1.0.0")
    return world


def refusal(world: World, env: str = "production") -> str:
    (found,) = world.ask(env, "1.0.0").refusals
    return found


def test_acceptance_takes_one_by_a_lead(ready: World) -> None:
    assert refusal(ready, "acceptance") == (
        "acceptance: 1.0.0 has 0 of 1 approvals; missing: 1 by somebody with the role lead (author, lead or "
        "second-lead could give it): `ci call approve --env acceptance --version 1.0.0 --key …`"
    )
    ready.approve("acceptance", "1.0.0", "author")
    admitted = ready.ask("acceptance", "1.0.0")
    assert admitted.admitted
    assert [(one.person, one.source) for one in admitted.approvals] == [("author", "key")]


def test_production_names_who_could_help_and_how(ready: World) -> None:
    assert refusal(ready) == (
        "production: 1.0.0 has 0 of 2 approvals; missing: one by somebody with the role stakeholder "
        "(stakeholder could give it) and 1 more by somebody with the role lead or stakeholder "
        "(lead, second-lead or stakeholder could give it): `ci call approve --env production --version 1.0.0 --key …`"
    )
    ready.approve("production", "1.0.0", "lead")
    assert refusal(ready) == (
        "production: 1.0.0 has 1 of 2 approvals (lead); missing: one by somebody with the role stakeholder "
        "(stakeholder could give it): `ci call approve --env production --version 1.0.0 --key …`"
    )
    ready.approve("production", "1.0.0", "stakeholder")
    admitted = ready.ask("production", "1.0.0")
    assert admitted.admitted
    assert [one.person for one in admitted.approvals] == ["lead", "stakeholder"]


def test_enough_approvals_without_the_needed_role_are_not_enough(ready: World) -> None:
    ready.approve("production", "1.0.0", "lead")
    ready.approve("production", "1.0.0", "second-lead")
    assert "has 2 of 2 approvals (lead, second-lead); missing: one by somebody with the role stakeholder" in refusal(
        ready
    )


def test_one_person_counts_once(ready: World) -> None:
    ready.approve("production", "1.0.0", "stakeholder")
    ready.approve("production", "1.0.0", "stakeholder")
    assert "has 1 of 2 approvals (stakeholder)" in refusal(ready)


@pytest.mark.parametrize(
    ("by", "details", "why"),
    [
        ("lead", {"forged": True}, "that of lead does not count: nobody's valid signature is under it"),
        ("lead", {"forged": True, "source": "github"}, "GitHub did not tell of it now"),
        ("guest", {}, "that of guest does not count: it takes the role lead or stakeholder"),
        ("stranger", {}, "that of stranger does not count: they are nobody under [people]"),
        ("author", {}, "that of author does not count: they wrote or built it"),
        ("lead", {"digest": f"sha256:{'0' * 64}"}, ""),
        ("lead", {"environment": "acceptance"}, ""),
        ("lead", {"app": "other"}, ""),
    ],
    ids=["forged", "github", "role", "stranger", "author", "digest", "environment", "app"],
)
def test_an_approval_that_is_not_right_does_not_count(ready: World, by: str, details: Any, why: str) -> None:
    ready.approve("production", "1.0.0", "stakeholder")
    ready.approve("production", "1.0.0", by, **details)
    assert "has 1 of 2 approvals (stakeholder)" in refusal(ready)
    assert why in refusal(ready)


def test_an_approval_expires(ready: World) -> None:
    ready.approve("production", "1.0.0", "stakeholder")
    ready.approve("production", "1.0.0", "lead", expires=ready.now + timedelta(hours=1))
    assert ready.ask("production", "1.0.0").admitted
    ready.now += timedelta(hours=1)
    assert "that of lead does not count: it expired 2026-03-02" in refusal(ready)
    ready.approve("production", "1.0.0", "lead")
    assert ready.ask("production", "1.0.0").admitted


def test_nobody_approves_for_longer_than_the_environment_allows(ready: World) -> None:
    for name in ("lead", "stakeholder"):
        ready.approve("production", "1.0.0", name, expires=ready.now + timedelta(days=1000))
    ready.now += timedelta(days=6)
    assert ready.ask("production", "1.0.0").admitted
    ready.now += timedelta(days=1)
    assert "that of lead does not count: it expired" in refusal(ready)


def test_who_ran_the_build_is_an_author_too(world: World) -> None:
    world.promote("1.0.0", by="lead")
    world.approve("production", "1.0.0", "lead")
    world.approve("production", "1.0.0", "stakeholder")
    assert author_names(world.settings, world.history, world.digest("1.0.0")) == ("author", "lead")
    assert "that of lead does not count: they wrote or built it" in refusal(world)
    world.approve("production", "1.0.0", "second-lead")
    assert world.ask("production", "1.0.0").admitted


def test_a_second_build_makes_nobody_less_of_an_author(world: World) -> None:
    world.promote("1.0.0", author="author@example.org")
    world.build("1.0.0", by="second-lead", author="someone@example.org")
    names = author_names(world.settings, world.history, world.digest("1.0.0"))
    assert names == ("author", "someone@example.org", "second-lead")


def test_an_author_whom_nobody_knows_is_told(world: World) -> None:
    world.promote("1.0.0", author="else@example.org")
    world.approve("production", "1.0.0", "lead")
    world.approve("production", "1.0.0", "stakeholder")
    admitted = world.ask("production", "1.0.0")
    assert admitted.admitted
    assert "production: else@example.org, who made 1.0.0, is nobody under [people]" in admitted.warnings[0]


def test_a_person_is_an_author_by_any_of_their_names(world: World) -> None:
    world.build("1.0.0", author="Lead-Login", by="")
    assert author_names(world.settings, world.history, world.digest("1.0.0")) == ("lead",)


def test_who_lost_the_role_does_not_count_any_more(ready: World, make_world: type[World]) -> None:
    ready.approve("production", "1.0.0", "lead")
    ready.approve("production", "1.0.0", "stakeholder")
    settings = make_world('people.lead.roles=["developer"]').settings
    given, others = approvals_for(settings, ready.history, "production", ready.digest("1.0.0"), ready.now)
    assert [one.person for one in given] == ["stakeholder"]
    assert others == ("that of lead does not count: it takes the role lead or stakeholder",)


def test_a_denied_release_is_held_until_an_approver_lifts_that(ready: World) -> None:
    ready.approve("production", "1.0.0", "lead")
    ready.approve("production", "1.0.0", "stakeholder")
    ready.deny("production", "1.0.0", "guest")
    assert refusal(ready) == (
        "production: 1.0.0 is denied by guest: it is broken; to lift that it takes the role lead or stakeholder: "
        "author, lead, second-lead or stakeholder could help: "
        "`ci call lift --env production --version 1.0.0 --reason … --key …`"
    )
    ready.lift("production", "1.0.0", "guest")
    ready.lift("production", "1.0.0", "lead", forged=True)
    ready.lift("acceptance", "1.0.0", "lead")
    assert not ready.ask("production", "1.0.0").admitted
    ready.lift("production", "1.0.0", "lead")
    assert ready.ask("production", "1.0.0").admitted
    ready.deny("production", "1.0.0", "lead")
    assert not ready.ask("production", "1.0.0").admitted


def test_only_a_known_persons_signed_denial_of_this_release_here_counts(ready: World) -> None:
    ready.approve("acceptance", "1.0.0", "lead")
    ready.deny("acceptance", "1.0.0", "lead", forged=True)
    ready.deny("acceptance", "1.0.0", "stranger")
    ready.deny("acceptance", "1.1.0", "lead")
    ready.deny("production", "1.0.0", "lead")
    assert ready.ask("acceptance", "1.0.0").admitted


def approved(world: World) -> None:
    world.approve("production", "1.0.0", "lead")
    world.approve("production", "1.0.0", "stakeholder")


def test_production_refuses_who_does_not_sign(ready: World) -> None:
    approved(ready)
    (found,) = ready.ask("production", "1.0.0", signed=False).refusals
    assert found == (
        "production: only people who sign may deploy to it: type `ci call deploy --env production --version 1.0.0 "
        "--key …` with a key of allowed_signers"
    )


@pytest.mark.parametrize(
    ("action", "verb"), [("deploy", "deploy to"), ("rollback", "roll back"), ("restore", "restore")]
)
def test_only_who_may_changes_an_environment(ready: World, action: str, verb: str) -> None:
    ready.release("0.9.0")
    approved(ready)
    ready.deploy("production", "1.0.0")
    version = "0.9.0" if action == "rollback" else "1.0.0"
    (found,) = ready.ask("production", version, action=action, actor="guest").refusals
    assert found == (
        f"production: guest may not {verb} it, which takes the role lead: author, lead or second-lead could help and "
        f"type `ci call {action} --env production --version {version} --key …`"
    )
    assert ready.ask("production", version, action=action, actor="second-lead").admitted


def test_where_anybody_may_deploy_what_is_signed_still_takes_somebody(make_world: type[World]) -> None:
    world = make_world("environments.production.deployers=[]")
    world.promote("1.0.0")
    approved(world)
    assert world.ask("production", "1.0.0", actor="guest").admitted
    (found,) = world.ask("production", "1.0.0", actor="stranger").refusals
    assert "stranger is nobody under [people]" in found


def test_a_file_without_people_says_how_to_get_an_approval(world: World) -> None:
    world.settings = world.settings.model_copy(update={"people": {}})
    world.build("1.0.0")
    world.deploy("dev", "1.0.0")
    assert "nobody else has it: give it to somebody under [people]" in refusal(world, "acceptance")
