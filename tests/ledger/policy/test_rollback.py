"""Rollback and restore: the release that they choose, and when policy refuses them."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from ci.ledger.policy import Decision

if TYPE_CHECKING:
    from tests.ledger.policy.conftest import World

SWITCHED = ({"name": "switch", "ok": True, "message": "", "seconds": 0.1},)
FAILED_WINDOW = (*SWITCHED, {"name": "verify", "ok": False, "message": "", "seconds": 5})
PASSED_WINDOW = (*SWITCHED, {"name": "verify", "ok": True, "message": "", "seconds": 5})


@pytest.fixture
def released(world: World) -> World:
    """Return a world in which 1.0.0 and then 1.1.0 went the whole way to production."""
    world.release("1.0.0")
    world.release("1.1.0")
    return world


def back(world: World, version: str = "", **wanted: Any) -> Decision:
    return world.decide("production", version, action="rollback", **wanted)


def restored(world: World) -> Decision:
    return world.decide("production", action="restore")


def rolled_back(world: World, version: str, **details: Any) -> None:
    """Record a successful rollback, which moved the edge alone."""
    world.deploy("production", version, action="rollback", **details)


class TestVerifiedRelease:
    def test_rollback_goes_to_the_previous_or_the_named_release(self, released: World) -> None:
        for version in ("", "1.0.0"):
            decision = back(released, version)
            assert (decision.refusals, decision.warnings) == ((), ())
            assert (decision.version, decision.digest) == ("1.0.0", released.digest("1.0.0"))
            assert decision.image == f"localhost:5000/shop@{released.digest('1.0.0')}"
            assert (decision.current_version, decision.current_digest) == ("1.1.0", released.digest("1.1.0"))
            assert decision.verified

    def test_second_rollback_does_not_go_back_to_the_bad_release(self, released: World) -> None:
        released.release("1.2.0")
        assert back(released).version == "1.1.0"
        rolled_back(released, "1.1.0")
        assert back(released).version == "1.0.0"
        rolled_back(released, "1.0.0")
        (refusal,) = back(released).refusals
        assert "there is no earlier release to roll back to" in refusal

    def test_release_that_was_left_is_chosen_after_a_new_verification(self, released: World) -> None:
        rolled_back(released, "1.0.0")
        released.deploy("production", "1.1.0")
        released.release("1.2.0")
        assert back(released).version == "1.1.0"

    def test_release_that_failed_its_verification_is_not_chosen(self, released: World) -> None:
        released.release("1.2.0")
        released.deploy("production", "1.1.0", outcome="rolled_back")
        assert back(released).version == "1.0.0"

    def test_current_release_that_failed_a_new_window_is_not_chosen_later(self, released: World) -> None:
        released.deploy("production", "1.1.0", outcome="failed", stages=FAILED_WINDOW)
        released.release("1.2.0")
        assert back(released).version == "1.0.0"

    def test_inconclusive_release_is_not_chosen(self, released: World) -> None:
        released.deploy("production", "1.2.0", outcome="inconclusive")
        assert back(released).version == "1.1.0"
        released.release("1.3.0")
        assert back(released).version == "1.1.0"

    def test_verified_release_stays_verified_after_an_inconclusive_delivery(self, released: World) -> None:
        released.deploy("production", "1.1.0", outcome="inconclusive")
        released.release("1.2.0")
        decision = back(released)
        assert (decision.version, decision.verified) == ("1.1.0", True)

    def test_unchanged_rollback_leaves_no_release(self, released: World) -> None:
        rolled_back(released, "1.1.0", outcome="unchanged")
        released.release("1.2.0")
        assert back(released).version == "1.1.0"

    def test_deploy_of_a_verified_release_needs_no_second_window(self, released: World) -> None:
        assert released.decide("production", "1.1.0").verified
        released.deploy("production", "1.1.0", outcome="inconclusive")
        assert not released.decide("production", "1.1.0").verified
        released.deploy("production", "1.1.0")
        assert released.decide("production", "1.1.0").verified

    def test_unsigned_success_verifies_nothing_in_production(self, released: World) -> None:
        released.deploy("production", "1.2.0", by="")
        released.deploy("production", "1.3.0", by="")
        assert back(released).version == "1.1.0"
        assert "1.2.0 never served here" in back(released, "1.2.0").refusals[0]

    def test_change_by_hand_leaves_the_release(self, released: World) -> None:
        released.recover("production", "1.0.0", "observed")
        released.release("1.2.0")
        assert back(released).version == "1.0.0"

    def test_rollback_to_a_release_without_a_build_record_is_allowed(self, released: World) -> None:
        released.entries = [entry for entry in released.entries if entry.record.kind != "build"]
        decision = back(released)
        assert decision.image == f"localhost:5000/shop@{released.digest('1.0.0')}"
        assert decision.warnings == ("production: the migrations of 1.0.0 are not recorded",)
        assert decision.allowed


class TestFailedAttempt:
    @pytest.mark.parametrize("action", ["rollback", "deploy", "restore"])
    @pytest.mark.parametrize("outcome", ["failed", "refused", "interrupted"])
    def test_failed_attempt_is_no_permanent_mark(self, released: World, action: str, outcome: str) -> None:
        released.deploy("production", "1.0.0", action=action, outcome=outcome)
        released.now += timedelta(minutes=10)
        decision = back(released)
        assert (decision.version, decision.verified, decision.refusals) == ("1.0.0", True, ())

    def test_undone_rollback_is_no_permanent_mark(self, released: World) -> None:
        start = released.start("production", "1.0.0", action="rollback")
        released.recover("production", "1.1.0", "undone", start=start)
        assert back(released).version == "1.0.0"

    def test_release_that_just_failed_to_start_is_skipped_for_ten_minutes(self, released: World) -> None:
        released.release("1.2.0")
        failed_at = released.now
        released.deploy("production", "1.1.0", action="rollback", outcome="failed")
        decision = back(released)
        assert (decision.version, decision.refusals) == ("1.0.0", ())
        (record,) = [entry.record for entry in released.entries[-1:]]
        assert decision.warnings == (
            (
                f"production: 1.1.0 failed to start at {record.at:%H:%M} UTC and is skipped for ten minutes: to roll "
                "back to it now, type `ci call rollback --env production --version 1.1.0 --key …`"
            ),
        )
        assert back(released, now=record.at + timedelta(minutes=9, seconds=59)).version == "1.0.0"
        decision = back(released, now=record.at + timedelta(minutes=10))
        assert (decision.version, decision.warnings) == ("1.1.0", ())
        assert record.at > failed_at

    def test_rollback_by_name_goes_to_a_release_that_just_failed_to_start(self, released: World) -> None:
        released.deploy("production", "1.0.0", action="rollback", outcome="failed")
        decision = back(released, "1.0.0")
        assert (decision.version, decision.verified, decision.refusals) == ("1.0.0", True, ())
        assert decision.warnings[0].startswith("production: the last delivery of 1.0.0 failed (2026-")

    def test_only_release_that_just_failed_to_start_is_named_in_the_refusal(self, released: World) -> None:
        released.deploy("production", "1.0.0", action="rollback", outcome="failed")
        decision = back(released)
        (refusal,) = decision.refusals
        assert "there is no earlier release to roll back to" in refusal
        assert "--version 1.0.0" in decision.warnings[0]

    def test_failure_after_the_switch_is_not_a_failed_start(self, released: World) -> None:
        released.deploy("production", "1.0.0", action="rollback", outcome="failed", stages=SWITCHED)
        decision = back(released)
        assert (decision.version, decision.warnings) == ("1.0.0", ())

    def test_success_after_a_failed_start_ends_the_skipping(self, released: World) -> None:
        released.deploy("production", "1.0.0", action="rollback", outcome="failed")
        released.deploy("production", "1.0.0")
        released.deploy("production", "1.1.0")
        assert back(released).version == "1.0.0"

    def test_restore_does_not_skip_a_failed_start(self, released: World) -> None:
        released.deploy("production", "1.1.0", action="restore", outcome="failed")
        decision = restored(released)
        assert (decision.version, decision.refusals) == ("1.1.0", ())


class TestUnverifiedRelease:
    def release_unverified(self, world: World, *versions: str) -> None:
        """Take versions to production, where too few requests come for a verdict."""
        for version in versions:
            world.promote(version)
            for name in ("lead", "stakeholder"):
                world.approve("production", version, name)
            world.deploy("production", version, outcome="inconclusive")

    def test_rollback_without_a_verified_release_goes_to_the_previous_one(self, world: World) -> None:
        self.release_unverified(world, "1", "2", "3")
        decision = back(world)
        assert (decision.version, decision.verified, decision.refusals) == ("2", False, ())
        assert decision.warnings == (
            "production: no verified release is left to go to: 2 served before, but was never verified",
        )

    def test_verified_release_is_chosen_before_a_newer_unverified_one(self, released: World) -> None:
        self.release_unverified(released, "2", "3")
        assert back(released).version == "1.1.0"

    def test_second_rollback_does_not_go_back_to_an_unverified_bad_release(self, world: World) -> None:
        self.release_unverified(world, "1", "2")
        rolled_back(world, "1")
        (refusal,) = back(world).refusals
        assert "there is no earlier release to roll back to" in refusal

    def test_rollback_without_a_window_verifies_nothing(self, world: World) -> None:
        self.release_unverified(world, "1", "2")
        rolled_back(world, "1")
        self.release_unverified(world, "3")
        assert not back(world).verified
        rolled_back(world, "1", stages=PASSED_WINDOW)
        self.release_unverified(world, "4")
        assert back(world).verified

    def test_rollback_by_name_to_a_left_release_verifies_nothing(self, released: World) -> None:
        rolled_back(released, "1.0.0")
        rolled_back(released, "1.1.0")
        assert not released.decide("production", "1.1.0").verified

    def test_failed_attempt_does_not_hide_that_a_release_was_left(self, world: World) -> None:
        self.release_unverified(world, "1", "2")
        rolled_back(world, "1")
        world.deploy("production", "2", outcome="failed")
        world.now += timedelta(hours=1)
        assert not back(world).allowed

    def test_previous_release_must_have_been_approved(self, world: World) -> None:
        world.promote("1")
        world.deploy("production", "1", outcome="inconclusive")
        self.release_unverified(world, "2")
        decision = back(world)
        assert decision.version == "1"
        assert "production: 1 has 0 of 2 approvals" in decision.refusals[0]

    def test_unsigned_previous_release_is_not_chosen_in_production(self, world: World) -> None:
        world.deploy("production", "evil", by="", outcome="inconclusive")
        self.release_unverified(world, "1")
        assert back(world).version == ""

    def test_denied_previous_release_is_skipped(self, world: World) -> None:
        self.release_unverified(world, "1", "2", "3")
        world.deny("production", "2", "lead")
        decision = back(world)
        assert (decision.version, decision.refusals) == ("1", ())
        assert "production: 2 is denied and skipped" in decision.warnings

    def test_unverified_release_can_be_named(self, released: World) -> None:
        self.release_unverified(released, "2", "3")
        decision = back(released, "2")
        assert (decision.version, decision.verified, decision.refusals) == ("2", False, ())
        assert "was inconclusive" in decision.warnings[0]
        assert decision.warnings[0].endswith("; it is not verified")

    def test_unsigned_record_does_not_bring_a_left_release_back(self, world: World) -> None:
        self.release_unverified(world, "1", "2")
        rolled_back(world, "1")
        world.deploy("production", "2", by="", outcome="inconclusive")
        world.deploy("production", "1", outcome="inconclusive")
        assert not back(world).allowed


class TestRefusals:
    def test_release_that_never_served_is_refused(self, released: World) -> None:
        released.promote("1.2.0")
        released.deploy("production", "1.3.0", outcome="failed")
        released.deploy("production", "1.4.0", outcome="rolled_back")
        for version in ("1.2.0", "1.3.0", "1.4.0", "9"):
            assert back(released, version).refusals == (
                f"production: {version} never served here; the last versions that did are 1.0.0, 1.1.0",
            )

    def test_release_that_was_left_can_be_named(self, released: World) -> None:
        rolled_back(released, "1.0.0")
        decision = back(released, "1.1.0")
        assert decision.allowed
        assert decision.warnings[0].startswith(
            "production: the last delivery of 1.1.0 succeeded, but was rolled back (2026-"
        )

    def test_current_release_by_the_ledger_can_be_named(self, released: World) -> None:
        # A person may have changed the target by hand, and the ledger does not know yet.
        decision = back(released, "1.1.0")
        assert (decision.refusals, decision.version) == ((), "1.1.0")

    def test_rollback_without_an_earlier_release_is_refused(self, world: World) -> None:
        (refusal,) = back(world).refusals
        assert refusal == (
            "production: there is no earlier release to roll back to: see `ci call history --env production`, "
            "or deploy one"
        )

    def test_rollback_needs_no_new_approval_after_the_old_one_expired(self, released: World) -> None:
        released.now += timedelta(days=100)
        decision = back(released)
        assert (decision.allowed, decision.approvals) == (True, ())

    def test_release_without_approvals_needs_them_for_a_rollback(self, world: World) -> None:
        world.promote("1.0.0")
        world.deploy("production", "1.0.0")
        world.release("1.1.0")
        (refusal,) = back(world).refusals
        assert "production: 1.0.0 has 0 of 2 approvals" in refusal
        # Later approvals count while they last, and do not make the old delivery an approved one.
        world.approve("production", "1.0.0", "lead")
        world.approve("production", "1.0.0", "stakeholder")
        assert back(world).allowed
        world.now += timedelta(days=8)
        assert not back(world).allowed

    def test_denied_release_is_refused_by_name_and_skipped_otherwise(self, released: World) -> None:
        released.release("1.2.0")
        released.deny("production", "1.1.0", "lead")
        assert "1.1.0 is denied by lead" in back(released, "1.1.0").refusals[0]
        decision = back(released)
        assert (decision.version, decision.refusals) == ("1.0.0", ())
        assert decision.warnings == ("production: 1.1.0 is denied and skipped",)

    def test_ledger_problems_do_not_refuse_a_rollback(self, released: World) -> None:
        released.problems = ["missing: one"]
        decision = back(released)
        assert (decision.refusals, decision.warnings) == ((), ("ledger: missing: one",))

    def test_rollback_needs_no_promotion_order(self, released: World) -> None:
        released.deploy("acceptance", "1.0.0", outcome="failed")
        assert back(released).allowed

    def test_release_keeps_its_features_in_a_rollback(self, make_world: type[World]) -> None:
        world = make_world('environments.production.features=["search", "new"]')
        world.release("1.0.0")
        world.release("1.1.0")
        assert back(world).features == ("search",)
        assert world.decide("production", "1.1.0").features == ("search", "new")


class TestRestore:
    def test_restore_chooses_the_newest_verified_release_that_was_not_left(self, released: World) -> None:
        assert restored(released).version == "1.1.0"
        released.deploy("production", "1.2.0", outcome="inconclusive")
        assert restored(released).version == "1.1.0"
        rolled_back(released, "1.0.0")
        assert restored(released).version == "1.0.0"
        released.release("1.3.0")
        released.recover("production", "1.0.0", "observed")
        assert restored(released).version == "1.0.0"
        released.now += timedelta(days=100)
        assert restored(released).allowed

    def test_restore_without_a_verified_release_chooses_the_current_one(self, world: World) -> None:
        world.promote("1")
        world.approve("production", "1", "lead")
        world.approve("production", "1", "stakeholder")
        world.deploy("production", "1", outcome="inconclusive")
        decision = restored(world)
        assert (decision.version, decision.verified, decision.refusals) == ("1", False, ())
        assert "1 served before, but was never verified" in decision.warnings[0]

    def test_restore_of_an_environment_without_a_release_is_refused(self, world: World) -> None:
        assert "there is no release to restore" in world.decide("dev", action="restore").refusals[0]

    def test_lost_target_takes_nothing_from_its_release(self, released: World) -> None:
        released.recover("production", "", "observed")
        decision = restored(released)
        assert (decision.version, decision.refusals) == ("1.1.0", ())
