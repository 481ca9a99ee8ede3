"""The way back: to which release, and when not."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from ci.ledger.policy import Admission

if TYPE_CHECKING:
    from tests.ledger.policy.conftest import World


@pytest.fixture
def released(world: World) -> World:
    """Return a world in which 1.0.0 and then 1.1.0 went the whole way."""
    world.release("1.0.0")
    world.release("1.1.0")
    return world


def back(world: World, version: str = "", **wanted: Any) -> Admission:
    return world.ask("production", version, action="rollback", **wanted)


def test_it_goes_to_the_release_before_or_the_one_named(released: World) -> None:
    for version in ("", "1.0.0"):
        admitted = back(released, version)
        assert (admitted.refusals, admitted.warnings) == ((), ())
        assert (admitted.version, admitted.digest) == ("1.0.0", released.digest("1.0.0"))
        assert admitted.image == f"localhost:5000/shop@{released.digest('1.0.0')}"
        assert (admitted.from_version, admitted.from_digest) == ("1.1.0", released.digest("1.1.0"))


def test_it_passes_over_what_was_rolled_back_or_failed(released: World) -> None:
    released.release("1.2.0")
    assert back(released).version == "1.1.0"
    released.deploy("production", "1.1.0", action="rollback")
    assert back(released).version == "1.0.0"
    released.release("1.3.0")
    released.deploy("production", "1.4.0", outcome="failed")
    assert back(released).version == "1.1.0"


def test_what_is_inconclusive_serves_but_nobody_goes_back_to_it(released: World) -> None:
    released.deploy("production", "1.2.0", outcome="inconclusive")
    assert back(released).version == "1.1.0"
    released.release("1.3.0")
    assert back(released).version == "1.1.0"


def test_what_did_well_needs_no_second_proof(released: World) -> None:
    assert released.ask("production", "1.1.0").proven
    released.deploy("production", "1.1.0", outcome="inconclusive")
    assert not released.ask("production", "1.1.0").proven
    released.deploy("production", "1.1.0")
    assert released.ask("production", "1.1.0").proven


def test_what_was_rolled_back_can_be_named(released: World) -> None:
    released.deploy("production", "1.0.0", action="rollback")
    admitted = back(released, "1.1.0")
    assert admitted.admitted
    assert admitted.warnings[0].startswith("production: the last deploy of 1.1.0 succeeded, but was rolled back (2026-")


def test_what_never_ran_there_is_refused(released: World) -> None:
    released.promote("1.2.0")
    released.deploy("production", "1.3.0", outcome="failed")
    for version in ("1.2.0", "1.3.0", "9"):
        assert back(released, version).refusals == (
            f"production: {version} never ran successfully here; the last ones that did are 1.0.0, 1.1.0",
        )


def test_an_unsigned_success_is_none_in_production(released: World) -> None:
    released.deploy("production", "0.9.0", by="")
    assert "0.9.0 never ran successfully here" in back(released, "0.9.0").refusals[0]


def test_what_serves_by_the_ledger_is_left_to_the_target(released: World) -> None:
    # Somebody may have gone elsewhere by hand, and the ledger does not know yet.
    found = back(released, "1.1.0")
    assert (found.refusals, found.version) == ((), "1.1.0")


def test_without_a_release_before_there_is_no_way_back(world: World) -> None:
    (refusal,) = back(world).refusals
    assert (
        "there is no good release before the one that serves to go back to: see `ci call history --env production`"
        in refusal
    )


def test_it_needs_no_new_approval_after_the_old_one_expired(released: World) -> None:
    released.now += timedelta(days=100)
    admitted = back(released)
    assert (admitted.admitted, admitted.approvals) == (True, ())


def test_a_release_that_never_had_its_approvals_needs_them(world: World) -> None:
    world.promote("1.0.0")
    world.deploy("production", "1.0.0")
    world.release("1.1.0")
    (refusal,) = back(world).refusals
    assert "production: 1.0.0 has 0 of 2 approvals" in refusal
    # Given later they count while they last, and do not make the old deploy an approved one.
    world.approve("production", "1.0.0", "lead")
    world.approve("production", "1.0.0", "stakeholder")
    assert back(world).admitted
    world.now += timedelta(days=8)
    assert not back(world).admitted


def test_a_denied_release_is_refused_and_passed_over(released: World) -> None:
    released.release("1.2.0")
    released.deny("production", "1.1.0", "lead")
    assert "1.1.0 is denied by lead" in back(released, "1.1.0").refusals[0]
    admitted = back(released)
    assert (admitted.version, admitted.refusals) == ("1.0.0", ())
    assert admitted.warnings == ("production: 1.1.0 is denied and passed over",)


def test_it_needs_no_ledger_without_flaws(released: World) -> None:
    released.problems = ["missing: one"]
    admitted = back(released)
    assert (admitted.refusals, admitted.warnings) == ((), ("ledger: missing: one",))


def test_it_needs_no_order_of_promotion(released: World) -> None:
    released.deploy("acceptance", "1.0.0", outcome="failed")
    assert back(released).admitted


def test_a_release_keeps_the_features_that_it_had(make_world: type[World]) -> None:
    world = make_world('environments.production.features=["search", "new"]')
    world.release("1.0.0")
    world.release("1.1.0")
    assert back(world).features == ("search",)
    assert world.ask("production", "1.1.0").features == ("search", "new")


def test_a_trace_of_the_script_moves_what_serves(released: World) -> None:
    released.recover("production", "1.0.0", "observed")
    released.release("1.2.0")
    assert back(released).version == "1.0.0"


def test_a_release_without_a_build_record_can_be_gone_back_to(released: World) -> None:
    released.entries = [entry for entry in released.entries if entry.record.kind != "build"]
    admitted = back(released)
    assert admitted.image == f"localhost:5000/shop@{released.digest('1.0.0')}"
    assert admitted.warnings == ("production: which migrations 1.0.0 has is not recorded",)
    assert admitted.admitted


def test_what_is_restored_is_the_last_good_release(released: World) -> None:
    def restored() -> str:
        return released.ask("production", action="restore").version

    assert restored() == "1.1.0"
    released.deploy("production", "1.2.0", outcome="inconclusive")
    assert restored() == "1.1.0"
    released.deploy("production", "1.0.0", action="rollback")
    assert restored() == "1.0.0"
    released.release("1.3.0")
    released.recover("production", "1.0.0", "observed")
    assert restored() == "1.0.0"
    released.now += timedelta(days=100)
    assert released.ask("production", action="restore").admitted


def test_nothing_is_restored_where_nothing_ran(world: World) -> None:
    assert "there is no good release to restore" in world.ask("dev", action="restore").refusals[0]


def test_a_target_that_was_lost_makes_no_release_worse(released: World) -> None:
    released.recover("production", "", "observed")
    restored = released.ask("production", action="restore")
    assert (restored.version, restored.refusals) == ("1.1.0", ())
