"""Releases that share a database with those before them, and the features that they run with."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tests.ledger.policy.conftest import World

FIRST: dict[str, Any] = {"migrations": ("001.sql",)}
SECOND: dict[str, Any] = {"migrations": ("001.sql", "002.sql")}
THIRD: dict[str, Any] = {"migrations": ("001.sql", "002.sql", "003.sql")}
BREAKING: dict[str, Any] = {"forward_compatible": False}


def test_migrations_that_the_release_before_bears_are_let_in_and_back(world: World) -> None:
    world.promote("1", "dev", **FIRST)
    world.build("2", **SECOND)
    assert world.ask("dev", "2").admitted
    world.deploy("dev", "2")
    assert world.ask("dev", action="rollback").admitted


def test_new_migrations_that_what_serves_does_not_bear_are_refused(world: World) -> None:
    world.promote("1", "dev", **FIRST)
    world.build("2", **SECOND, **BREAKING)
    (refusal,) = world.ask("dev", "2").refusals
    assert refusal == (
        "dev: 2 brings 002.sql, on which what serves would not work meanwhile (app.forward_compatible is false): split "
        "it: first a release that only adds, later one that takes away; then set app.forward_compatible = true and "
        "build it anew"
    )


def test_the_first_release_breaks_nothing(world: World) -> None:
    world.build("1", **FIRST, **BREAKING)
    assert world.ask("dev", "1").admitted


def test_a_release_that_brings_nothing_new_breaks_nothing(world: World) -> None:
    world.promote("1", "dev", **SECOND)
    world.build("2", **SECOND, **BREAKING)
    assert world.ask("dev", "2").admitted


def test_a_build_in_between_counts_for_a_deploy(world: World) -> None:
    world.promote("1", "dev", **FIRST)
    world.build("2", **SECOND, **BREAKING)
    world.build("3", **THIRD)
    (refusal,) = world.ask("dev", "3").refusals
    assert "dev: 2 brings 002.sql, on which what serves would not work" in refusal
    world.deploy("dev", "2")
    assert world.ask("dev", "3").admitted


def test_the_way_back_over_breaking_migrations_takes_force(world: World) -> None:
    world.promote("1", "dev", **FIRST)
    world.promote("2", "dev", **SECOND, **BREAKING)
    (refusal,) = world.ask("dev", action="rollback").refusals
    assert refusal == (
        "dev: the database has 002.sql, which 1 lacks, and which 2 did not declare forward-compatible, so that 1 may "
        "fail or do damage: go forward with a mended release, or if you are sure type "
        "`ci call rollback --env dev --version 1 --force`"
    )
    forced = world.ask("dev", action="rollback", force=True)
    assert forced.admitted
    assert "1 may fail or do damage" in forced.warnings[0]


def test_a_build_in_between_that_never_came_here_counts(world: World) -> None:
    world.promote("1", "dev", **FIRST)
    world.build("2", **SECOND, **BREAKING)
    world.promote("3", "dev", **THIRD)
    (refusal,) = world.ask("dev", action="rollback").refusals
    assert "the database has 002.sql, which 1 lacks, and which 2 did not declare" in refusal


def test_a_build_after_what_serves_does_not_count(world: World) -> None:
    world.promote("1", "dev", **FIRST)
    world.promote("2", "dev", **SECOND)
    world.build("3", **THIRD, **BREAKING)
    assert world.ask("dev", action="rollback").admitted


def test_a_candidate_that_failed_has_migrated_the_database_too(world: World) -> None:
    world.promote("1", "dev", **FIRST)
    world.promote("2", "dev", **FIRST)
    world.build("3", **SECOND, **BREAKING)
    world.deploy("dev", "3", outcome="failed")
    (refusal,) = world.ask("dev", action="rollback").refusals
    assert "which 3 did not declare forward-compatible" in refusal


def test_an_old_release_is_not_deployed_over_breaking_migrations(world: World) -> None:
    world.promote("1", "dev", **FIRST)
    world.promote("2", "dev", **SECOND, **BREAKING)
    assert "the database has 002.sql, which 1 lacks" in world.ask("dev", "1").refusals[0]


def test_a_lost_cluster_is_restored_all_the_same(world: World) -> None:
    world.promote("1", "dev", **FIRST)
    world.build("2", **SECOND, **BREAKING)
    world.deploy("dev", "2", outcome="failed")
    admitted = world.ask("dev", action="restore")
    assert (admitted.version, admitted.refusals) == ("1", ())
    assert "1 may fail or do damage" in admitted.warnings[0]


def approved(world: World) -> None:
    world.approve("production", "1", "lead")
    world.approve("production", "1", "stakeholder")


def test_production_runs_features_that_ran_before_with_the_same_digest(make_world: type[World]) -> None:
    world = make_world('environments.production.features=["search", "new"]')
    world.promote("1")
    world.promote("2", "dev")
    world.deploy("acceptance", "2", features=("search", "new"))
    approved(world)
    (refusal,) = world.ask("production", "1").refusals
    assert refusal == (
        "production: 1 never ran in acceptance with the features new: set environments.acceptance.features and type "
        "`ci call deploy --env acceptance --version 1 --key …`, or leave them out"
    )
    world.deploy("acceptance", "1", features=("new",))
    admitted = world.ask("production", "1")
    assert (admitted.refusals, admitted.features) == ((), ("search", "new"))


def test_a_feature_that_ran_in_a_failure_did_not_run(make_world: type[World]) -> None:
    world = make_world('environments.production.features=["new"]')
    world.promote("1", "dev")
    world.deploy("acceptance", "1", features=("new",), outcome="failed")
    world.deploy("acceptance", "1", features=())
    approved(world)
    assert "with the features new" in world.ask("production", "1").refusals[0]


def test_all_features_ran_only_where_all_did(make_world: type[World]) -> None:
    world = make_world("environments.production.features=all")
    world.promote("1")
    approved(world)
    assert "with the features all" in world.ask("production", "1").refusals[0]
    world.deploy("acceptance", "1", features="all")
    assert world.ask("production", "1").admitted


def test_other_environments_run_what_they_are_set_to(make_world: type[World]) -> None:
    world = make_world('environments.acceptance.features=["never-tried"]')
    world.promote("1", "dev")
    world.approve("acceptance", "1", "lead")
    admitted = world.ask("acceptance", "1")
    assert (admitted.refusals, admitted.features) == ((), ("never-tried",))
