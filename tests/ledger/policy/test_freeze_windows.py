"""Freeze windows, and who may override them."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from ci.ledger.policy import active_windows
from ci.settings import FreezeWindow

if TYPE_CHECKING:
    from tests.ledger.policy.conftest import World

WEEKEND = FreezeWindow(reason="weekend", cron="0 16 * * FRI", hours=64)
HOLIDAYS = FreezeWindow(
    reason="holidays", start=datetime(2026, 12, 24, tzinfo=UTC), until=datetime(2027, 1, 2, tzinfo=UTC)
)
FREEZES = 'environments.dev.freezes=[{reason = "holidays", from = 2026-03-02, until = 2026-03-03}]'


@pytest.mark.parametrize(
    ("freeze", "now", "until"),
    [
        (WEEKEND, "2026-03-06T15:59:59", ""),
        (WEEKEND, "2026-03-06T16:00:00", "2026-03-09T08:00"),
        (WEEKEND, "2026-03-09T07:59:59.900000", "2026-03-09T08:00"),
        (WEEKEND, "2026-03-09T08:00:00", ""),
        (HOLIDAYS, "2026-12-23T23:59:59", ""),
        (HOLIDAYS, "2026-12-24T00:00:00", "2027-01-02T00:00"),
        (HOLIDAYS, "2027-01-02T00:00:00", ""),
    ],
)
def test_freeze_window_is_active_from_its_beginning_to_its_end(freeze: FreezeWindow, now: str, until: str) -> None:
    found = active_windows([freeze], datetime.fromisoformat(now).replace(tzinfo=UTC))
    assert [f"{end:%Y-%m-%dT%H:%M}" for _, end in found] == ([until] if until else [])


def test_freeze_window_refuses_a_deploy(make_world: type[World]) -> None:
    world = make_world(FREEZES, 'environments.dev.overriders=["lead"]')
    world.build("1.0.0")
    (refusal,) = world.decide("dev", "1.0.0").refusals
    assert refusal == (
        "dev: is in a freeze window until 2026-03-04 00:00 UTC: holidays; to override it takes the role lead: author, "
        "lead or second-lead could help: `ci call deploy --env dev --version 1.0.0 --override REASON`"
    )


def test_overrider_overrides_a_freeze_window_with_a_reason(make_world: type[World]) -> None:
    world = make_world(FREEZES, 'environments.dev.overriders=["lead"]')
    world.build("1.0.0")
    assert not world.decide("dev", "1.0.0", override=" ").allowed
    assert not world.decide("dev", "1.0.0", override="security fix", actor="guest").allowed
    decision = world.decide("dev", "1.0.0", override="security fix")
    assert (decision.allowed, decision.override) == (True, "security fix")
    assert decision.warnings == (
        "dev: is in a freeze window until 2026-03-04 00:00 UTC: holidays; overridden by lead: security fix",
    )


def test_freeze_window_without_overriders_cannot_be_overridden(make_world: type[World]) -> None:
    world = make_world(FREEZES)
    world.build("1.0.0")
    (refusal,) = world.decide("dev", "1.0.0", override="security fix").refusals
    assert "no role may override it (environments.dev.overriders): wait" in refusal


def test_override_without_a_freeze_window_is_empty(world: World) -> None:
    world.build("1.0.0")
    decision = world.decide("acceptance", "1.0.0", override="security fix")
    assert (decision.override, decision.warnings) == ("", ())


@pytest.mark.parametrize("action", ["rollback", "restore"])
def test_freeze_window_allows_a_rollback_and_a_restore(make_world: type[World], action: str) -> None:
    world = make_world(FREEZES)
    world.promote("1.0.0", "dev")
    world.promote("1.1.0", "dev")
    assert world.decide("dev", action=action).allowed
