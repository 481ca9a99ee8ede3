"""Approvals, denials and the actor of a delivery."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from ci.ledger.policy import author_names, valid_approvals

if TYPE_CHECKING:
    from tests.ledger.policy.conftest import World


@pytest.fixture
def ready(world: World) -> World:
    """Return a world in which only approvals are missing to deploy 1.0.0 to production."""
    world.promote("1.0.0")
    return world


def refusal(world: World, env: str = "production") -> str:
    (found,) = world.decide(env, "1.0.0").refusals
    return found


def test_acceptance_needs_one_approval_by_a_lead(ready: World) -> None:
    assert refusal(ready, "acceptance") == (
        "acceptance: 1.0.0 has 0 of 1 approvals; missing: 1 by a person with the role lead (author, lead or "
        "second-lead could approve): `ci call approve --env acceptance --version 1.0.0 --key …`"
    )
    ready.approve("acceptance", "1.0.0", "author")
    decision = ready.decide("acceptance", "1.0.0")
    assert decision.allowed
    assert [(one.person, one.source) for one in decision.approvals] == [("author", "key")]


def test_refusal_names_who_could_approve_and_how(ready: World) -> None:
    assert refusal(ready) == (
        "production: 1.0.0 has 0 of 2 approvals; missing: one by a person with the role stakeholder "
        "(stakeholder could approve) and 1 more by a person with the role lead or stakeholder "
        "(lead, second-lead or stakeholder could approve): `ci call approve --env production --version 1.0.0 --key …`"
    )
    ready.approve("production", "1.0.0", "lead")
    assert refusal(ready) == (
        "production: 1.0.0 has 1 of 2 approvals (lead); missing: one by a person with the role stakeholder "
        "(stakeholder could approve): `ci call approve --env production --version 1.0.0 --key …`"
    )
    ready.approve("production", "1.0.0", "stakeholder")
    decision = ready.decide("production", "1.0.0")
    assert decision.allowed
    assert [one.person for one in decision.approvals] == ["lead", "stakeholder"]


def test_approvals_without_a_needed_role_are_not_enough(ready: World) -> None:
    ready.approve("production", "1.0.0", "lead")
    ready.approve("production", "1.0.0", "second-lead")
    assert "has 2 of 2 approvals (lead, second-lead); missing: one by a person with the role stakeholder" in refusal(
        ready
    )


def test_one_person_counts_once(ready: World) -> None:
    ready.approve("production", "1.0.0", "stakeholder")
    ready.approve("production", "1.0.0", "stakeholder")
    assert "has 1 of 2 approvals (stakeholder)" in refusal(ready)


@pytest.mark.parametrize(
    ("by", "details", "why"),
    [
        ("lead", {"forged": True}, "that of lead does not count: no valid signature covers it"),
        ("lead", {"forged": True, "source": "github"}, "GitHub did not confirm it now"),
        ("guest", {}, "that of guest does not count: it takes the role lead or stakeholder"),
        ("stranger", {}, "that of stranger does not count: the person is not listed under [people]"),
        ("author", {}, "that of author does not count: the person wrote or built the release"),
        ("lead", {"digest": f"sha256:{'0' * 64}"}, ""),
        ("lead", {"environment": "acceptance"}, ""),
        ("lead", {"app": "other"}, ""),
    ],
    ids=["forged", "github", "role", "stranger", "author", "digest", "environment", "app"],
)
def test_wrong_approval_does_not_count(ready: World, by: str, details: Any, why: str) -> None:
    ready.approve("production", "1.0.0", "stakeholder")
    ready.approve("production", "1.0.0", by, **details)
    assert "has 1 of 2 approvals (stakeholder)" in refusal(ready)
    assert why in refusal(ready)


def test_approval_expires(ready: World) -> None:
    ready.approve("production", "1.0.0", "stakeholder")
    ready.approve("production", "1.0.0", "lead", expires=ready.now + timedelta(hours=1))
    assert ready.decide("production", "1.0.0").allowed
    ready.now += timedelta(hours=1)
    assert "that of lead does not count: it expired 2026-03-02" in refusal(ready)
    ready.approve("production", "1.0.0", "lead")
    assert ready.decide("production", "1.0.0").allowed


def test_approval_counts_no_longer_than_the_environment_allows(ready: World) -> None:
    for name in ("lead", "stakeholder"):
        ready.approve("production", "1.0.0", name, expires=ready.now + timedelta(days=1000))
    ready.now += timedelta(days=6)
    assert ready.decide("production", "1.0.0").allowed
    ready.now += timedelta(days=1)
    assert "that of lead does not count: it expired" in refusal(ready)


@pytest.mark.parametrize(("ahead", "counts"), [(timedelta(minutes=10), True), (timedelta(days=3650), False)])
def test_approval_that_is_dated_ahead_does_not_count(ready: World, ahead: timedelta, *, counts: bool) -> None:
    ready.approve("production", "1.0.0", "stakeholder")
    now = ready.now
    ready.now += ahead
    ready.approve("production", "1.0.0", "lead")
    ready.now = now
    assert ready.decide("production", "1.0.0").allowed == counts
    if not counts:
        assert "that of lead does not count: it is dated 2036-02-28 09:06 UTC, which has not come yet" in refusal(ready)


def test_actor_of_the_build_is_an_author_too(world: World) -> None:
    world.promote("1.0.0", by="lead")
    world.approve("production", "1.0.0", "lead")
    world.approve("production", "1.0.0", "stakeholder")
    assert author_names(world.settings, world.history, world.digest("1.0.0")) == ("author", "lead")
    assert "that of lead does not count: the person wrote or built the release" in refusal(world)
    world.approve("production", "1.0.0", "second-lead")
    assert world.decide("production", "1.0.0").allowed


def test_second_build_removes_no_author(world: World) -> None:
    world.promote("1.0.0", author="author@example.org")
    world.build("1.0.0", by="second-lead", author="someone@example.org")
    names = author_names(world.settings, world.history, world.digest("1.0.0"))
    assert names == ("author", "someone@example.org", "second-lead")


def test_unknown_author_is_a_warning(world: World) -> None:
    world.promote("1.0.0", author="else@example.org")
    world.approve("production", "1.0.0", "lead")
    world.approve("production", "1.0.0", "stakeholder")
    decision = world.decide("production", "1.0.0")
    assert decision.allowed
    assert "production: else@example.org, an author of 1.0.0, is not listed under [people]" in decision.warnings[0]


def test_author_is_found_by_login(world: World) -> None:
    world.build("1.0.0", author="Lead-Login", by="")
    assert author_names(world.settings, world.history, world.digest("1.0.0")) == ("lead",)


def test_approval_of_a_person_who_lost_the_role_does_not_count(ready: World, make_world: type[World]) -> None:
    ready.approve("production", "1.0.0", "lead")
    ready.approve("production", "1.0.0", "stakeholder")
    settings = make_world('people.lead.roles=["developer"]').settings
    given, others = valid_approvals(settings, ready.history, "production", ready.digest("1.0.0"), ready.now)
    assert [one.person for one in given] == ["stakeholder"]
    assert others == ("that of lead does not count: it takes the role lead or stakeholder",)


def test_denied_release_is_refused_until_an_approver_lifts_the_denial(ready: World) -> None:
    ready.approve("production", "1.0.0", "lead")
    ready.approve("production", "1.0.0", "stakeholder")
    ready.deny("production", "1.0.0", "guest")
    assert refusal(ready) == (
        "production: 1.0.0 is denied by guest: it is broken; to lift the denial takes the role lead or stakeholder: "
        "author, lead, second-lead or stakeholder could help: "
        "`ci call lift --env production --version 1.0.0 --reason … --key …`"
    )
    ready.lift("production", "1.0.0", "guest")
    ready.lift("production", "1.0.0", "lead", forged=True)
    ready.lift("acceptance", "1.0.0", "lead")
    assert not ready.decide("production", "1.0.0").allowed
    ready.lift("production", "1.0.0", "lead")
    assert ready.decide("production", "1.0.0").allowed
    ready.deny("production", "1.0.0", "lead")
    assert not ready.decide("production", "1.0.0").allowed


def test_denial_counts_only_by_a_known_signer_for_this_release_here(ready: World) -> None:
    ready.approve("acceptance", "1.0.0", "lead")
    ready.deny("acceptance", "1.0.0", "lead", forged=True)
    ready.deny("acceptance", "1.0.0", "stranger")
    ready.deny("acceptance", "1.1.0", "lead")
    ready.deny("production", "1.0.0", "lead")
    assert ready.decide("acceptance", "1.0.0").allowed


def approved(world: World) -> None:
    world.approve("production", "1.0.0", "lead")
    world.approve("production", "1.0.0", "stakeholder")


def test_production_refuses_an_actor_without_a_key(ready: World) -> None:
    approved(ready)
    (found,) = ready.decide("production", "1.0.0", signed=False).refusals
    assert found == (
        "production: only people who sign may deploy to it: type `ci call deploy --env production --version 1.0.0 "
        "--key …` with a key of allowed_signers"
    )


@pytest.mark.parametrize(
    ("action", "verb"), [("deploy", "deploy to"), ("rollback", "roll back"), ("restore", "restore")]
)
def test_actor_without_the_role_is_refused(ready: World, action: str, verb: str) -> None:
    ready.release("0.9.0")
    approved(ready)
    ready.deploy("production", "1.0.0")
    version = "0.9.0" if action == "rollback" else "1.0.0"
    (found,) = ready.decide("production", version, action=action, actor="guest").refusals
    assert found == (
        f"production: guest may not {verb} it, which takes the role lead: author, lead or second-lead could help and "
        f"type `ci call {action} --env production --version {version} --key …`"
    )
    assert ready.decide("production", version, action=action, actor="second-lead").allowed


def test_signed_environment_without_deployers_needs_a_listed_actor(make_world: type[World]) -> None:
    world = make_world("environments.production.deployers=[]")
    world.promote("1.0.0")
    approved(world)
    assert world.decide("production", "1.0.0", actor="guest").allowed
    (found,) = world.decide("production", "1.0.0", actor="stranger").refusals
    assert "stranger is not listed under [people]" in found


def test_settings_without_people_say_how_to_get_an_approval(world: World) -> None:
    world.settings = world.settings.model_copy(update={"people": {}})
    world.build("1.0.0")
    world.deploy("dev", "1.0.0")
    assert "no other person has it: add it to one under [people]" in refusal(world, "acceptance")
