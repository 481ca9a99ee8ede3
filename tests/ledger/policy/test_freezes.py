"""Freezes, and who may deploy in spite of them."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from ci.ledger.policy import active_freezes
from ci.settings import Freeze

if TYPE_CHECKING:
    from tests.ledger.policy.conftest import World

WEEKEND = Freeze(reason="weekend", cron="0 16 * * FRI", hours=64)
HOLIDAYS = Freeze(reason="holidays", start=datetime(2026, 12, 24, tzinfo=UTC), until=datetime(2027, 1, 2, tzinfo=UTC))
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
def test_a_freeze_holds_from_its_beginning_to_its_end(freeze: Freeze, now: str, until: str) -> None:
    found = active_freezes([freeze], datetime.fromisoformat(now).replace(tzinfo=UTC))
    assert [f"{end:%Y-%m-%dT%H:%M}" for _, end in found] == ([until] if until else [])


def test_a_freeze_holds_deploys(make_world: type[World]) -> None:
    world = make_world(FREEZES, 'environments.dev.overriders=["lead"]')
    world.build("1.0.0")
    (refusal,) = world.ask("dev", "1.0.0").refusals
    assert refusal == (
        "dev: is frozen until 2026-03-04 00:00 UTC: holidays; to override that takes the role lead: author, lead or "
        "second-lead could help: `ci call deploy --env dev --version 1.0.0 --override REASON`"
    )


def test_who_may_overrides_it_with_a_reason(make_world: type[World]) -> None:
    world = make_world(FREEZES, 'environments.dev.overriders=["lead"]')
    world.build("1.0.0")
    assert not world.ask("dev", "1.0.0", override=" ").admitted
    assert not world.ask("dev", "1.0.0", override="security fix", actor="guest").admitted
    admitted = world.ask("dev", "1.0.0", override="security fix")
    assert (admitted.admitted, admitted.override) == (True, "security fix")
    assert admitted.warnings == (
        "dev: is frozen until 2026-03-04 00:00 UTC: holidays; overridden by lead: security fix",
    )


def test_nobody_overrides_where_no_role_may(make_world: type[World]) -> None:
    world = make_world(FREEZES)
    world.build("1.0.0")
    (refusal,) = world.ask("dev", "1.0.0", override="security fix").refusals
    assert "nobody may override that (environments.dev.overriders): wait" in refusal


def test_an_override_without_a_freeze_is_none(world: World) -> None:
    world.build("1.0.0")
    admitted = world.ask("acceptance", "1.0.0", override="security fix")
    assert (admitted.override, admitted.warnings) == ("", ())


@pytest.mark.parametrize("action", ["rollback", "restore"])
def test_a_freeze_does_not_hold_the_way_back(make_world: type[World], action: str) -> None:
    world = make_world(FREEZES)
    world.promote("1.0.0", "dev")
    world.promote("1.1.0", "dev")
    assert world.ask("dev", action=action).admitted
