"""The digest of a version, and the order of promotion."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from ci.settings import Settings

if TYPE_CHECKING:
    from tests.ledger.policy.conftest import World


def test_new_build_is_allowed_in_dev(world: World) -> None:
    world.build("1.0.0")
    decision = world.decide("dev", "1.0.0", actor="anonymous", signed=False)
    assert (decision.refusals, decision.warnings, decision.allowed) == ((), (), True)
    assert decision.image == f"localhost:5000/shop@{world.digest('1.0.0')}"
    assert (decision.version, decision.digest, decision.features) == ("1.0.0", world.digest("1.0.0"), "all")
    assert (decision.current_version, decision.current_digest) == ("", "")


def test_decision_names_the_current_release(world: World) -> None:
    world.promote("1.0.0", "dev")
    world.build("1.1.0")
    decision = world.decide("dev", "1.1.0")
    assert (decision.current_version, decision.current_digest) == ("1.0.0", world.digest("1.0.0"))


def test_version_that_was_never_built_is_refused(world: World) -> None:
    world.build("1.0.0")
    (refusal,) = world.decide("dev", "2.0.0").refusals
    assert refusal == (
        "dev: 2.0.0 was never built; the last built versions are 1.0.0: type `ci call deploy --env dev --version 2.0.0`"
    )


def test_deploy_without_a_version_is_refused(world: World) -> None:
    assert world.decide("dev").refusals == ("dev: name the version: `ci call deploy --env dev --version …`",)


@pytest.mark.parametrize("by", ["author", ""])
@pytest.mark.parametrize("env", ["dev", "acceptance", "production"])
def test_version_with_two_digests_is_refused_everywhere(world: World, env: str, by: str) -> None:
    world.promote("1.0.0", by=by)
    world.build("1.0.0", by=by, digest=world.digest("other"))
    world.approve("acceptance", "1.0.0", "lead")
    ready(world)
    (refusal,) = world.decide(env, "1.0.0").refusals
    if env == "production" and not by:
        assert "is not signed by a person under [people]" in refusal
        return
    digests = [world.digest(name)[:19] for name in ("1.0.0", "other")]
    who = by or "anonymous"
    assert refusal.startswith(f"{env}: 1.0.0 was built as {digests[0]} by {who} and as {digests[1]} by {who}: build a")


@pytest.mark.parametrize("env", ["dev", "acceptance", "production"])
def test_unsigned_record_takes_no_signed_builds_place(world: World, env: str) -> None:
    world.build("1.0.0", by="", digest=world.digest("a stranger's"))
    world.promote("1.0.0")
    world.approve("acceptance", "1.0.0", "lead")
    ready(world)
    decision = world.decide(env, "1.0.0")
    assert (decision.digest, decision.refusals) == (world.digest("1.0.0"), ())
    stranger = world.digest("a stranger's")[:19]
    assert f"{env}: 1.0.0 was recorded as {stranger} too, which does not count" in decision.warnings[0]


def test_same_build_again_is_no_conflict(world: World) -> None:
    world.build("1.0.0")
    world.build("1.0.0")
    assert world.decide("dev", "1.0.0").warnings == ()


@pytest.mark.parametrize("how", ["flag", "name"])
def test_uncommitted_build_stays_in_dev(world: World, how: str) -> None:
    version = "1.0.0-dirty" if how == "name" else "1.0.0"
    world.promote(version, dirty=how == "flag")
    world.approve("acceptance", version, "lead")
    assert world.decide("dev", version).allowed
    (refusal,) = world.decide("acceptance", version).refusals
    assert (
        "built from uncommitted changes and may go to dev only: commit them and type `ci call deploy --env dev`"
        in refusal
    )
    assert any("uncommitted" in refusal for refusal in world.decide("production", version).refusals)


def test_uncommitted_build_goes_to_the_first_dev_only(make_world: type[World]) -> None:
    world = make_world('environments.demo={kind = "dev", edge.port = 9}')
    world.build("1.0.0", dirty=True)
    assert world.decide("dev", "1.0.0").allowed
    assert not world.decide("demo", "1.0.0").allowed


def test_dev_environment_needs_no_earlier_one(make_world: type[World]) -> None:
    world = make_world('environments.demo={kind = "dev", edge.port = 9}')
    world.build("1.0.0")
    assert world.decide("demo", "1.0.0").allowed


def test_skipped_environment_is_refused(world: World) -> None:
    world.build("1.0.0")
    world.deploy("dev", "1.0.0")
    world.approve("production", "1.0.0", "lead")
    world.approve("production", "1.0.0", "stakeholder")
    (refusal,) = world.decide("production", "1.0.0").refusals
    assert refusal == (
        f"production: 1.0.0 ({world.digest('1.0.0')[:19]}) never ran in acceptance, which comes before it: "
        "type `ci call deploy --env acceptance --version 1.0.0 --key …`"
    )


def test_environment_in_between_is_needed(world: World) -> None:
    between = '[environments.qa]\nkind = "acceptance"\nedge.port = 9\n[environments.production]'
    world.settings = Settings.parse(world.file.replace("[environments.production]", between))
    world.promote("1.0.0")
    ready(world)
    (refusal,) = world.decide("production", "1.0.0").refusals
    assert "never ran in qa, which comes before it" in refusal
    world.deploy("qa", "1.0.0")
    assert world.decide("production", "1.0.0").allowed


@pytest.mark.parametrize("left_out", ["dev", "acceptance"])
def test_two_environments_are_enough(world: World, left_out: str) -> None:
    start = world.file.index(f"[environments.{left_out}]")
    end = world.file.index("[environments.", start + 1)
    world.settings = Settings.parse(world.file[:start] + world.file[end:])
    first = next(iter(world.settings.environments))
    world.build("1.0.0")
    world.approve("acceptance", "1.0.0", "lead")
    ready(world)
    assert world.decide(first, "1.0.0").allowed
    assert f"never ran in {first}" in world.decide("production", "1.0.0").refusals[0]
    world.deploy(first, "1.0.0")
    assert world.decide("production", "1.0.0").allowed


def ready(world: World) -> None:
    world.approve("production", "1.0.0", "lead")
    world.approve("production", "1.0.0", "stakeholder")


@pytest.mark.parametrize(
    ("outcome", "described"),
    [
        ("failed", "failed"),
        ("inconclusive", "was inconclusive"),
        ("rolled_back", "failed its verification"),
        ("interrupted", "was interrupted and undone"),
    ],
)
def test_only_the_last_delivery_counts_for_promotion(world: World, outcome: str, described: str) -> None:
    world.promote("1.0.0")
    world.deploy("acceptance", "1.0.0", outcome=outcome)
    ready(world)
    (refusal,) = world.decide("production", "1.0.0").refusals
    assert f"the last delivery of 1.0.0 to acceptance, which comes before it, {described} (2026-03-02" in refusal
    world.deploy("acceptance", "1.0.0")
    assert world.decide("production", "1.0.0").allowed


def test_refused_delivery_takes_nothing_away(world: World) -> None:
    world.promote("1.0.0")
    world.deploy("acceptance", "1.0.0", outcome="refused")
    ready(world)
    assert world.decide("production", "1.0.0").allowed


def test_unchanged_delivery_keeps_the_result_of_the_last_one(world: World) -> None:
    world.promote("1.0.0")
    world.deploy("acceptance", "1.0.0", outcome="unchanged")
    ready(world)
    assert world.decide("production", "1.0.0").allowed
    world.deploy("acceptance", "1.0.0", outcome="inconclusive")
    world.deploy("acceptance", "1.0.0", outcome="unchanged")
    assert "was inconclusive" in world.decide("production", "1.0.0").refusals[0]


def test_unchanged_delivery_of_an_unknown_release_verifies_nothing(world: World) -> None:
    world.promote("1.0.0", "dev")
    world.deploy("acceptance", "1.0.0", outcome="unchanged")
    ready(world)
    assert "succeeded without a verify window" in world.decide("production", "1.0.0").refusals[0]


def test_failure_of_another_release_takes_nothing_away(world: World) -> None:
    world.promote("1.0.0")
    world.build("1.1.0")
    world.deploy("acceptance", "1.1.0", outcome="failed")
    ready(world)
    assert world.decide("production", "1.0.0").allowed


def test_rolled_back_release_is_not_promoted(world: World) -> None:
    world.promote("0.9.0")
    world.promote("1.0.0")
    world.deploy("acceptance", "0.9.0", action="rollback")
    ready(world)
    (refusal,) = world.decide("production", "1.0.0").refusals
    assert "succeeded, but was rolled back" in refusal


def test_superseded_release_is_promoted(world: World) -> None:
    world.promote("1.0.0")
    world.promote("1.1.0")
    ready(world)
    assert world.decide("production", "1.0.0").allowed


def test_undone_release_is_not_promoted(world: World) -> None:
    world.promote("0.9.0")
    world.promote("1.0.0")
    world.deploy("acceptance", "0.9.0")
    start = world.start("acceptance", "1.0.0")
    world.recover("acceptance", "0.9.0", "undone", start=start)
    ready(world)
    (refusal,) = world.decide("production", "1.0.0").refusals
    assert "was interrupted and undone" in refusal


def test_release_that_a_recovery_finished_is_not_promoted(world: World) -> None:
    world.promote("1.0.0", "dev")
    start = world.start("acceptance", "1.0.0")
    world.recover("acceptance", "1.0.0", "finished", start=start)
    ready(world)
    (refusal,) = world.decide("production", "1.0.0").refusals
    assert "finished without a verify window" in refusal


def test_undone_delivery_takes_nothing_from_the_current_release(world: World) -> None:
    world.promote("1.0.0")
    world.build("1.1.0")
    start = world.start("acceptance", "1.1.0")
    world.recover("acceptance", "1.0.0", "undone", start=start)
    ready(world)
    assert world.decide("production", "1.0.0").allowed


def test_release_that_was_left_by_hand_is_not_promoted(world: World) -> None:
    world.promote("0.9.0")
    world.promote("1.0.0")
    world.recover("acceptance", "0.9.0", "observed")
    ready(world)
    assert "rolled back" in world.decide("production", "1.0.0").refusals[0]


def test_unsigned_success_does_not_count_for_production(world: World) -> None:
    world.promote("1.0.0", "dev")
    world.deploy("acceptance", "1.0.0", by="")
    ready(world)
    (refusal,) = world.decide("production", "1.0.0").refusals
    assert "no person who may deploy there signed its record" in refusal
    assert refusal.endswith("type `ci call deploy --env acceptance --version 1.0.0 --key …`")


def test_unsigned_success_changes_no_earlier_result(world: World) -> None:
    world.promote("1.0.0")
    world.deploy("acceptance", "1.0.0", by="")
    ready(world)
    assert world.decide("production", "1.0.0").allowed
    world.deploy("acceptance", "1.0.0", by="", outcome="failed")
    world.deploy("acceptance", "1.0.0", by="")
    assert not world.decide("production", "1.0.0").allowed


def test_success_signed_without_the_role_does_not_count(make_world: type[World]) -> None:
    world = make_world('environments.acceptance.deployers=["developer"]')
    world.promote("1.0.0", "dev")
    world.deploy("acceptance", "1.0.0", by="lead")
    ready(world)
    assert not world.decide("production", "1.0.0").allowed
    world.deploy("acceptance", "1.0.0", by="author")
    assert world.decide("production", "1.0.0").allowed


def test_unsigned_build_is_not_allowed_in_production(world: World) -> None:
    world.promote("1.0.0", by="")
    ready(world)
    world.approve("acceptance", "1.0.0", "lead")
    assert world.decide("acceptance", "1.0.0").allowed
    (refusal,) = world.decide("production", "1.0.0").refusals
    assert "the build of 1.0.0 is not signed by a person under [people]: type `ci call deploy --env dev" in refusal
    world.build("1.0.0")
    assert world.decide("production", "1.0.0").allowed


def test_records_of_another_app_do_not_count(world: World) -> None:
    world.promote("1.0.0")
    ready(world)
    assert world.decide("production", "1.0.0").allowed
    world.entries = [
        type(entry)(entry.id, entry.record.model_copy(update={"app": "other"}), entry.signer, entry.person)
        for entry in world.entries
    ]
    assert "never built" in world.decide("production", "1.0.0").refusals[0]


def test_ledger_problems_refuse_production(world: World) -> None:
    world.promote("1.0.0")
    ready(world)
    world.approve("acceptance", "1.0.0", "lead")
    world.problems = ["missing: one", "forged: another"]
    assert world.decide("production", "1.0.0").refusals == (
        "ledger: missing: one: see docs/security.md",
        "ledger: forged: another: see docs/security.md",
    )
    decision = world.decide("acceptance", "1.0.0")
    assert (decision.refusals, decision.warnings) == ((), ("ledger: missing: one", "ledger: forged: another"))


def test_problem_of_a_revoked_key_is_a_warning(world: World) -> None:
    world.promote("1.0.0")
    ready(world)
    world.problems = ["untrusted: a record of a key that is revoked"]
    decision = world.decide("production", "1.0.0")
    assert (decision.refusals, len(decision.warnings)) == ((), 1)


def test_decision_holds_every_refusal(world: World) -> None:
    world.build("1.0.0-dirty", by="")
    world.deny("production", "1.0.0-dirty", "lead")
    world.problems = ["missing: one"]
    decision = world.decide("production", "1.0.0-dirty", actor="anonymous", signed=False)
    for part in (
        "who sign",
        "may not deploy",
        "ledger",
        "not signed",
        "denied",
        "approvals",
        "uncommitted",
        "never ran",
    ):
        assert sum(part in refusal for refusal in decision.refusals) == 1, part
    assert len(decision.refusals) == 8
