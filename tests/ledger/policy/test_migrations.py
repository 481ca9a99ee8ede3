"""Migrations of releases that share a database, and features in production."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tests.ledger.policy.conftest import World

FIRST: dict[str, Any] = {"migrations": ("001.sql",)}
SECOND: dict[str, Any] = {"migrations": ("001.sql", "002.sql")}
THIRD: dict[str, Any] = {"migrations": ("001.sql", "002.sql", "003.sql")}
BREAKING: dict[str, Any] = {"forward_compatible": False}


def test_compatible_migrations_are_allowed_both_ways(world: World) -> None:
    world.promote("1", "dev", **FIRST)
    world.build("2", **SECOND)
    assert world.decide("dev", "2").allowed
    world.deploy("dev", "2")
    assert world.decide("dev", action="rollback").allowed


def test_migrations_that_break_the_current_release_are_refused(world: World) -> None:
    world.promote("1", "dev", **FIRST)
    world.build("2", **SECOND, **BREAKING)
    (refusal,) = world.decide("dev", "2").refusals
    assert refusal == (
        "dev: 2 brings 002.sql, which the current release does not work with (app.forward_compatible is false): split "
        "it: first a release that only adds, later one that removes; then set app.forward_compatible = true and "
        "build it again"
    )


def test_first_release_breaks_nothing(world: World) -> None:
    world.build("1", **FIRST, **BREAKING)
    assert world.decide("dev", "1").allowed


def test_release_without_new_migrations_breaks_nothing(world: World) -> None:
    world.promote("1", "dev", **SECOND)
    world.build("2", **SECOND, **BREAKING)
    assert world.decide("dev", "2").allowed


def test_skipped_build_counts_for_a_deploy(world: World) -> None:
    world.promote("1", "dev", **FIRST)
    world.build("2", **SECOND, **BREAKING)
    world.build("3", **THIRD)
    (refusal,) = world.decide("dev", "3").refusals
    assert "dev: 2 brings 002.sql, which the current release does not work with" in refusal
    world.deploy("dev", "2")
    assert world.decide("dev", "3").allowed


def test_rollback_over_breaking_migrations_needs_force(world: World) -> None:
    world.promote("1", "dev", **FIRST)
    world.promote("2", "dev", **SECOND, **BREAKING)
    (refusal,) = world.decide("dev", action="rollback").refusals
    assert refusal == (
        "dev: the database has 002.sql, which 1 lacks; 2 did not declare them forward-compatible, so 1 may "
        "fail or damage data: deploy a repaired release, or if you are sure type "
        "`ci call rollback --env dev --version 1 --force`"
    )
    forced = world.decide("dev", action="rollback", force=True)
    assert forced.allowed
    assert "1 may fail or damage data" in forced.warnings[0]


def test_skipped_build_counts_for_a_rollback(world: World) -> None:
    world.promote("1", "dev", **FIRST)
    world.build("2", **SECOND, **BREAKING)
    world.promote("3", "dev", **THIRD)
    (refusal,) = world.decide("dev", action="rollback").refusals
    assert "the database has 002.sql, which 1 lacks; 2 did not declare" in refusal


def test_build_after_the_current_release_does_not_count(world: World) -> None:
    world.promote("1", "dev", **FIRST)
    world.promote("2", "dev", **SECOND)
    world.build("3", **THIRD, **BREAKING)
    assert world.decide("dev", action="rollback").allowed


def test_failed_candidate_migrated_the_database_too(world: World) -> None:
    world.promote("1", "dev", **FIRST)
    world.promote("2", "dev", **FIRST)
    world.build("3", **SECOND, **BREAKING)
    world.deploy("dev", "3", outcome="failed")
    (refusal,) = world.decide("dev", action="rollback").refusals
    assert "3 did not declare them forward-compatible" in refusal


def test_old_release_is_not_deployed_over_breaking_migrations(world: World) -> None:
    world.promote("1", "dev", **FIRST)
    world.promote("2", "dev", **SECOND, **BREAKING)
    assert "the database has 002.sql, which 1 lacks" in world.decide("dev", "1").refusals[0]


def test_lost_cluster_is_restored_in_spite_of_migrations(world: World) -> None:
    world.promote("1", "dev", **FIRST)
    world.build("2", **SECOND, **BREAKING)
    world.deploy("dev", "2", outcome="failed")
    decision = world.decide("dev", action="restore")
    assert (decision.version, decision.refusals) == ("1", ())
    assert "1 may fail or damage data" in decision.warnings[0]


def approved(world: World) -> None:
    world.approve("production", "1", "lead")
    world.approve("production", "1", "stakeholder")


def test_production_needs_features_that_were_verified_before(make_world: type[World]) -> None:
    world = make_world('environments.production.features=["search", "new"]')
    world.promote("1")
    world.promote("2", "dev")
    world.deploy("acceptance", "2", features=("search", "new"))
    approved(world)
    (refusal,) = world.decide("production", "1").refusals
    assert refusal == (
        "production: 1 was never verified in acceptance with the features new: set environments.acceptance.features "
        "and type `ci call deploy --env acceptance --version 1 --key …`, or remove them"
    )
    world.deploy("acceptance", "1", features=("new",))
    decision = world.decide("production", "1")
    assert (decision.refusals, decision.features) == ((), ("search", "new"))


def test_feature_of_a_failed_delivery_is_not_verified(make_world: type[World]) -> None:
    world = make_world('environments.production.features=["new"]')
    world.promote("1", "dev")
    world.deploy("acceptance", "1", features=("new",), outcome="failed")
    world.deploy("acceptance", "1", features=())
    approved(world)
    assert "with the features new" in world.decide("production", "1").refusals[0]


def test_features_of_an_unchanged_delivery_of_a_verified_release_count(make_world: type[World]) -> None:
    world = make_world('environments.production.features=["new"]')
    world.promote("1")
    approved(world)
    world.deploy("acceptance", "1", features=("new",), outcome="unchanged")
    assert world.decide("production", "1").allowed
    world.promote("2")
    world.deploy("acceptance", "2", features=(), outcome="inconclusive")
    world.deploy("acceptance", "2", features=("new",), outcome="unchanged")
    assert any("with the features new" in refusal for refusal in world.decide("production", "2").refusals)


def test_all_features_need_a_delivery_with_all(make_world: type[World]) -> None:
    world = make_world("environments.production.features=all")
    world.promote("1")
    approved(world)
    assert "with the features all" in world.decide("production", "1").refusals[0]
    world.deploy("acceptance", "1", features="all")
    assert world.decide("production", "1").allowed


def test_other_environments_have_the_features_of_their_settings(make_world: type[World]) -> None:
    world = make_world('environments.acceptance.features=["never-tried"]')
    world.promote("1", "dev")
    world.approve("acceptance", "1", "lead")
    decision = world.decide("acceptance", "1")
    assert (decision.refusals, decision.features) == ((), ("never-tried",))


def test_unsigned_record_says_nothing_about_the_migrations_of_a_signed_build(world: World) -> None:
    world.promote("1", "dev", **FIRST)
    world.build("2", by="", **FIRST)
    world.promote("2", "dev", **SECOND, **BREAKING)
    assert not world.decide("dev", action="rollback").allowed
    # Nor where the signed build is the one to go back to.
    world.build("3", by="", **SECOND, image=f"localhost:5000/elsewhere@{world.digest('3')}")
    world.promote("3", "dev", **SECOND)
    world.promote("4", "dev", **SECOND)
    assert world.decide("dev", action="rollback").image == f"localhost:5000/shop@{world.digest('3')}"
