"""Arguments of functions: what is no time, and what no request accepts."""

import math

import pytest

from ci.agent.protocol import requests as r
from ci.stages.arguments import name_flags, seconds_of
from ci.stages.errors import Refused


@pytest.mark.parametrize("hours", [math.inf, -math.inf, math.nan, -1, 0, 1e6, 1e308])
def test_hours_of_a_lock_are_finite_and_positive(hours: float) -> None:
    with pytest.raises(Refused, match=r"^--hours: must be more than 0, and at most 87600 \(is "):
        seconds_of(hours)


def test_zero_hours_are_the_environments_own_time() -> None:
    assert seconds_of(0, or_zero=True) == 0
    assert seconds_of(0.5) == 1800
    with pytest.raises(Refused, match=r"^--hours: must be at least 0, and at most 87600 \(is -1\)"):
        seconds_of(-1, or_zero=True)


@pytest.mark.parametrize("seconds", [math.inf, math.nan, -1, 0, 1e12])
def test_request_for_a_lock_without_an_end_does_not_exist(seconds: float) -> None:
    with pytest.raises(ValueError, match="seconds"):
        r.LockEnvironment(environment="dev", by="lead", reason="accounts", seconds=seconds)


async def test_argument_that_no_request_accepts_is_named_by_its_flag() -> None:
    @name_flags
    async def read() -> r.ReadLedger:
        return r.ReadLedger(view="history", limit=-1)

    @name_flags
    async def deliver() -> r.Deliver:
        return r.Deliver(environment="dev", github_run="abc")

    with pytest.raises(Refused) as refusal:
        await read()
    assert str(refusal.value) == "--limit: must be at least 0 (is -1)"
    with pytest.raises(Refused, match=r"^--github-run: must match "):
        await deliver()
