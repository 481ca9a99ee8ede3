"""From counters to a verdict: pass, fail or inconclusive, with the reasons in words."""

from collections.abc import Iterator
from typing import Literal

from pydantic import BaseModel, ConfigDict

from ci.analysis.prometheus import Counters


class Limits(BaseModel):
    """What a release may do at most; times in milliseconds."""

    model_config = ConfigDict(frozen=True)

    max_error_rate: float
    max_p95_ms: float
    min_requests: int


class Verdict(BaseModel):
    """What the numbers say about a release, and the numbers; times in milliseconds, the rate in requests a second."""

    model_config = ConfigDict(frozen=True)

    outcome: Literal["pass", "fail", "inconclusive"]
    reasons: tuple[str, ...]
    seconds: float
    requests: int
    errors: int
    rate: float
    error_rate: float
    p50_ms: float
    p95_ms: float
    p99_ms: float


def judge(counted: Counters, seconds: float, limits: Limits, lost: int = 0) -> Verdict:
    """Judge what was counted in a window, and how many replicas were lost in it.

    Too few requests prove nothing; too many errors, too slow answers or a lost replica fail.
    """
    error_rate = counted.errors / counted.requests if counted.requests else 0.0
    p95 = quantile(counted, 0.95) * 1000
    is_enough = counted.requests >= limits.min_requests
    problems = [f"{lost} replicas ended by themselves"] if lost else []
    problems += _broken_limits(error_rate, p95, limits) if is_enough else []
    few = f"{counted.requests} requests are too few to tell (at least {limits.min_requests} are needed)"
    praise = f"{counted.requests} requests: {error_rate:.2%} failed, 95 % were answered within {p95:.0f} ms"
    return Verdict(
        outcome="fail" if problems else "pass" if is_enough else "inconclusive",
        reasons=tuple(problems) or (praise if is_enough else few,),
        seconds=round(seconds, 2),
        requests=counted.requests,
        errors=counted.errors,
        rate=round(counted.requests / seconds, 2) if seconds > 0 else 0.0,
        error_rate=error_rate,
        p50_ms=round(quantile(counted, 0.5) * 1000, 1),
        p95_ms=round(p95, 1),
        p99_ms=round(quantile(counted, 0.99) * 1000, 1),
    )


def quantile(counted: Counters, share: float) -> float:
    """Estimate the time, in seconds, within which a share of the requests was answered, as Prometheus does.

    Inside a bucket the requests are taken to be spread evenly; beyond the last finite bound that bound is returned.
    """
    total = max(counted.buckets.values(), default=0)
    rank = share * total
    lower, below = 0.0, 0
    for bound, count in sorted(counted.buckets.items()):
        if count >= rank and count > below:
            if bound == float("inf"):
                return lower
            return lower + (bound - lower) * (rank - below) / (count - below)
        lower, below = bound, count
    return 0.0


def _broken_limits(error_rate: float, p95: float, limits: Limits) -> Iterator[str]:
    if error_rate > limits.max_error_rate:
        yield f"{error_rate:.2%} of the requests failed (at most {limits.max_error_rate:.2%} may)"
    if p95 > limits.max_p95_ms:
        yield f"5 % of the requests took longer than {p95:.0f} ms (at most {limits.max_p95_ms:.0f} ms are allowed)"
