"""When a release passes, fails, or has not been tried enough."""

import math

import pytest

from ci.analysis import Counters, Limits, judge, quantile

LIMITS = Limits(max_error_rate=0.01, max_p95_ms=500, min_requests=20)
QUICK = {0.1: 100, 1.0: 100, math.inf: 100}


def test_enough_fast_responses_pass() -> None:
    verdict = judge(Counters(100, 1, QUICK), 10, LIMITS)
    assert verdict.outcome == "pass"
    assert (verdict.requests, verdict.errors, verdict.rate, verdict.error_rate) == (100, 1, 10, 0.01)


def test_too_many_errors_fail() -> None:
    verdict = judge(Counters(100, 2, QUICK), 10, LIMITS)
    assert verdict.outcome == "fail"
    assert "2.00%" in verdict.reasons[0]


def test_slow_responses_fail() -> None:
    verdict = judge(Counters(100, 0, {0.1: 90, 1.0: 100, math.inf: 100}), 10, LIMITS)
    assert verdict.outcome == "fail"
    assert verdict.p95_ms == 550


def test_every_broken_limit_is_named() -> None:
    assert len(judge(Counters(100, 50, {0.1: 0, 1.0: 100}), 10, LIMITS, lost=1).reasons) == 3


def test_too_few_requests_are_inconclusive() -> None:
    verdict = judge(Counters(19, 0, {0.1: 19}), 10, LIMITS)
    assert verdict.outcome == "inconclusive"
    assert "19" in verdict.reasons[0]
    assert "20" in verdict.reasons[0]


def test_errors_among_too_few_requests_are_inconclusive() -> None:
    assert judge(Counters(19, 19, {}), 10, LIMITS).outcome == "inconclusive"


@pytest.mark.parametrize("counted", [Counters(), Counters(100, 0, QUICK)])
def test_lost_replica_fails_without_traffic_too(counted: Counters) -> None:
    verdict = judge(counted, 10, LIMITS, lost=1)
    assert verdict.outcome == "fail"


def test_empty_window_has_rate_zero() -> None:
    verdict = judge(Counters(), 0, LIMITS)
    assert (verdict.outcome, verdict.rate, verdict.error_rate, verdict.p99_ms) == ("inconclusive", 0, 0, 0)


@pytest.mark.parametrize(
    ("share", "seconds"),
    [(0.25, 0.05), (0.5, 0.1), (0.75, 0.55), (1.0, 1.0)],
)
def test_quantiles_lie_evenly_in_their_bucket(share: float, seconds: float) -> None:
    assert quantile(Counters(100, 0, {0.1: 50, 1.0: 100, math.inf: 100}), share) == pytest.approx(seconds)


def test_quantile_beyond_the_last_bound_is_that_bound() -> None:
    assert quantile(Counters(100, 0, {0.1: 50, math.inf: 100}), 0.99) == 0.1
