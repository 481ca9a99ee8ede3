"""Which digest a version is, and the order of promotion."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from ci.settings import Settings

if TYPE_CHECKING:
    from tests.ledger.policy.conftest import World


def test_a_fresh_build_is_let_into_dev(world: World) -> None:
    world.build("1.0.0")
    admitted = world.ask("dev", "1.0.0", actor="anonymous", signed=False)
    assert (admitted.refusals, admitted.warnings, admitted.admitted) == ((), (), True)
    assert admitted.image == f"localhost:5000/shop@{world.digest('1.0.0')}"
    assert (admitted.version, admitted.digest, admitted.features) == ("1.0.0", world.digest("1.0.0"), "all")
    assert (admitted.from_version, admitted.from_digest) == ("", "")


def test_what_serves_is_told(world: World) -> None:
    world.promote("1.0.0", "dev")
    world.build("1.1.0")
    admitted = world.ask("dev", "1.1.0")
    assert (admitted.from_version, admitted.from_digest) == ("1.0.0", world.digest("1.0.0"))


def test_a_version_that_was_never_built_is_refused(world: World) -> None:
    world.build("1.0.0")
    (refusal,) = world.ask("dev", "2.0.0").refusals
    assert refusal == (
        "dev: 2.0.0 was never built; the last ones that were are 1.0.0: type `ci call deploy --env dev --version 2.0.0`"
    )


def test_a_deploy_needs_a_version(world: World) -> None:
    assert world.ask("dev").refusals == ("dev: name the version: `ci call deploy --env dev --version …`",)


def test_a_version_stays_the_digest_that_it_was_first(world: World) -> None:
    world.promote("1.0.0")
    world.build("1.0.0", digest=world.digest("other"))
    admitted = world.ask("dev", "1.0.0")
    assert admitted.digest == world.digest("1.0.0")
    assert admitted.refusals == ()
    (warning,) = admitted.warnings
    assert warning.startswith(f"dev: 1.0.0 is {world.digest('1.0.0')[:19]}, but was recorded as ")
    assert any("was recorded as" in refusal for refusal in world.ask("production", "1.0.0").refusals)


def test_the_same_build_again_is_no_conflict(world: World) -> None:
    world.build("1.0.0")
    world.build("1.0.0")
    assert world.ask("dev", "1.0.0").warnings == ()


@pytest.mark.parametrize("how", ["flag", "name"])
def test_what_is_not_committed_stays_in_dev(world: World, how: str) -> None:
    version = "1.0.0-dirty" if how == "name" else "1.0.0"
    world.promote(version, dirty=how == "flag")
    world.approve("acceptance", version, "lead")
    assert world.ask("dev", version).admitted
    (refusal,) = world.ask("acceptance", version).refusals
    assert "not committed and may go to dev only: commit them and type `ci call deploy --env dev`" in refusal
    assert any("not committed" in refusal for refusal in world.ask("production", version).refusals)


def test_what_is_not_committed_goes_into_the_first_dev_only(make_world: type[World]) -> None:
    world = make_world('environments.demo={kind = "dev", edge.port = 9}')
    world.build("1.0.0", dirty=True)
    assert world.ask("dev", "1.0.0").admitted
    assert not world.ask("demo", "1.0.0").admitted


def test_dev_needs_nothing_before_wherever_it_stands(make_world: type[World]) -> None:
    world = make_world('environments.demo={kind = "dev", edge.port = 9}')
    world.build("1.0.0")
    assert world.ask("demo", "1.0.0").admitted


def test_no_environment_is_left_out(world: World) -> None:
    world.build("1.0.0")
    world.deploy("dev", "1.0.0")
    world.approve("production", "1.0.0", "lead")
    world.approve("production", "1.0.0", "stakeholder")
    (refusal,) = world.ask("production", "1.0.0").refusals
    assert refusal == (
        f"production: 1.0.0 ({world.digest('1.0.0')[:19]}) never ran in acceptance, which comes before it: "
        "type `ci call deploy --env acceptance --version 1.0.0 --key …`"
    )


def test_an_environment_in_between_counts(world: World) -> None:
    between = '[environments.qa]\nkind = "acceptance"\nedge.port = 9\n[environments.production]'
    world.settings = Settings.parse(world.file.replace("[environments.production]", between))
    world.promote("1.0.0")
    ready(world)
    (refusal,) = world.ask("production", "1.0.0").refusals
    assert "never ran in qa, which comes before it" in refusal
    world.deploy("qa", "1.0.0")
    assert world.ask("production", "1.0.0").admitted


@pytest.mark.parametrize("left_out", ["dev", "acceptance"])
def test_two_environments_are_enough(world: World, left_out: str) -> None:
    start = world.file.index(f"[environments.{left_out}]")
    end = world.file.index("[environments.", start + 1)
    world.settings = Settings.parse(world.file[:start] + world.file[end:])
    first = next(iter(world.settings.environments))
    world.build("1.0.0")
    world.approve("acceptance", "1.0.0", "lead")
    ready(world)
    assert world.ask(first, "1.0.0").admitted
    assert f"never ran in {first}" in world.ask("production", "1.0.0").refusals[0]
    world.deploy(first, "1.0.0")
    assert world.ask("production", "1.0.0").admitted


def ready(world: World) -> None:
    world.approve("production", "1.0.0", "lead")
    world.approve("production", "1.0.0", "stakeholder")


@pytest.mark.parametrize(
    ("outcome", "told"),
    [("failed", "failed"), ("inconclusive", "was inconclusive")],
)
def test_only_a_success_counts_and_only_the_last(world: World, outcome: str, told: str) -> None:
    world.promote("1.0.0")
    world.deploy("acceptance", "1.0.0", outcome=outcome)
    ready(world)
    (refusal,) = world.ask("production", "1.0.0").refusals
    assert f"the last deploy of 1.0.0 to acceptance, which comes before it, {told} (2026-03-02" in refusal
    world.deploy("acceptance", "1.0.0")
    assert world.ask("production", "1.0.0").admitted


def test_a_refused_deploy_says_nothing_of_the_release(world: World) -> None:
    world.promote("1.0.0")
    world.deploy("acceptance", "1.0.0", outcome="refused")
    ready(world)
    assert world.ask("production", "1.0.0").admitted


def test_another_releases_failure_says_nothing_of_this_one(world: World) -> None:
    world.promote("1.0.0")
    world.build("1.1.0")
    world.deploy("acceptance", "1.1.0", outcome="failed")
    ready(world)
    assert world.ask("production", "1.0.0").admitted


def test_what_was_rolled_back_does_not_count(world: World) -> None:
    world.promote("0.9.0")
    world.promote("1.0.0")
    world.deploy("acceptance", "0.9.0", action="rollback")
    ready(world)
    (refusal,) = world.ask("production", "1.0.0").refusals
    assert "succeeded, but was rolled back" in refusal


def test_what_was_superseded_counts(world: World) -> None:
    world.promote("1.0.0")
    world.promote("1.1.0")
    ready(world)
    assert world.ask("production", "1.0.0").admitted


def test_what_was_interrupted_and_undone_does_not_count(world: World) -> None:
    world.promote("0.9.0")
    world.promote("1.0.0")
    world.deploy("acceptance", "0.9.0")
    start = world.start("acceptance", "1.0.0")
    world.recover("acceptance", "0.9.0", "undone", start=start)
    ready(world)
    (refusal,) = world.ask("production", "1.0.0").refusals
    assert "was interrupted and undone" in refusal


def test_what_was_finished_by_the_next_command_was_not_watched(world: World) -> None:
    world.promote("1.0.0", "dev")
    start = world.start("acceptance", "1.0.0")
    world.recover("acceptance", "1.0.0", "finished", start=start)
    ready(world)
    (refusal,) = world.ask("production", "1.0.0").refusals
    assert "finished without having been watched" in refusal


def test_an_undone_deploy_leaves_the_release_that_serves_as_good_as_it_was(world: World) -> None:
    world.promote("1.0.0")
    world.build("1.1.0")
    start = world.start("acceptance", "1.1.0")
    world.recover("acceptance", "1.0.0", "undone", start=start)
    ready(world)
    assert world.ask("production", "1.0.0").admitted


def test_a_release_that_somebody_went_back_from_by_hand_does_not_count(world: World) -> None:
    world.promote("0.9.0")
    world.promote("1.0.0")
    world.recover("acceptance", "0.9.0", "observed")
    ready(world)
    assert "rolled back" in world.ask("production", "1.0.0").refusals[0]


def test_an_unsigned_success_does_not_count_for_production(world: World) -> None:
    world.promote("1.0.0", "dev")
    world.deploy("acceptance", "1.0.0", by="")
    ready(world)
    (refusal,) = world.ask("production", "1.0.0").refusals
    assert "not signed by somebody who may deploy there" in refusal
    assert refusal.endswith("type `ci call deploy --env acceptance --version 1.0.0 --key …`")


def test_an_unsigned_success_does_a_signed_one_no_harm_but_mends_no_failure(world: World) -> None:
    world.promote("1.0.0")
    world.deploy("acceptance", "1.0.0", by="")
    ready(world)
    assert world.ask("production", "1.0.0").admitted
    world.deploy("acceptance", "1.0.0", by="", outcome="failed")
    world.deploy("acceptance", "1.0.0", by="")
    assert not world.ask("production", "1.0.0").admitted


def test_a_success_signed_by_somebody_who_may_not_deploy_there_does_not_count(make_world: type[World]) -> None:
    world = make_world('environments.acceptance.deployers=["developer"]')
    world.promote("1.0.0", "dev")
    world.deploy("acceptance", "1.0.0", by="lead")
    ready(world)
    assert not world.ask("production", "1.0.0").admitted
    world.deploy("acceptance", "1.0.0", by="author")
    assert world.ask("production", "1.0.0").admitted


def test_an_unsigned_build_goes_up_to_acceptance(world: World) -> None:
    world.promote("1.0.0", by="")
    ready(world)
    world.approve("acceptance", "1.0.0", "lead")
    assert world.ask("acceptance", "1.0.0").admitted
    (refusal,) = world.ask("production", "1.0.0").refusals
    assert "the build of 1.0.0 is not signed by anybody under [people]: type `ci call deploy --env dev" in refusal
    world.build("1.0.0")
    assert world.ask("production", "1.0.0").admitted


def test_records_of_another_app_count_for_nothing(world: World) -> None:
    world.promote("1.0.0")
    ready(world)
    assert world.ask("production", "1.0.0").admitted
    world.entries = [
        type(entry)(entry.id, entry.record.model_copy(update={"app": "other"}), entry.signer, entry.stated)
        for entry in world.entries
    ]
    assert "never built" in world.ask("production", "1.0.0").refusals[0]


def test_the_ledger_must_be_whole_for_production(world: World) -> None:
    world.promote("1.0.0")
    ready(world)
    world.approve("acceptance", "1.0.0", "lead")
    world.problems = ["missing: one", "forged: another"]
    assert world.ask("production", "1.0.0").refusals == (
        "ledger: missing: one: see docs/security.md",
        "ledger: forged: another: see docs/security.md",
    )
    admitted = world.ask("acceptance", "1.0.0")
    assert (admitted.refusals, admitted.warnings) == ((), ("ledger: missing: one", "ledger: forged: another"))


def test_what_a_revoked_key_signed_does_not_count_and_stops_nothing_else(world: World) -> None:
    world.promote("1.0.0")
    ready(world)
    world.problems = ["unproven: a record of a key that is revoked"]
    admitted = world.ask("production", "1.0.0")
    assert (admitted.refusals, len(admitted.warnings)) == ((), 1)


def test_every_reason_is_told_at_once(world: World) -> None:
    world.build("1.0.0-dirty", by="")
    world.deny("production", "1.0.0-dirty", "lead")
    world.problems = ["missing: one"]
    admitted = world.ask("production", "1.0.0-dirty", actor="anonymous", signed=False)
    for part in ("who sign", "may not deploy", "ledger", "not signed", "denied", "approvals", "committed", "never ran"):
        assert sum(part in refusal for refusal in admitted.refusals) == 1, part
    assert len(admitted.refusals) == 8
