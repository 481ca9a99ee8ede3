"""Verification: the edge's metrics over a window become a verdict."""

import asyncio

from ci.analysis import Limits, Verdict, judge
from ci.progress import write_progress
from ci.settings import Verify
from ci.targets.target import Metrics, Target


async def verify_current(target: Target, window: float | None = None) -> Verdict:
    """Watch the current release for a window (seconds; None: the environment's), or until the verdict is `fail`.

    Where users send too few requests for a verdict, the target sends requests of its own meanwhile.
    """
    verify = target.stack.environment.verify
    seconds = verify.window if window is None else window
    first = await target.read_metrics()
    traffic = asyncio.create_task(target.send_traffic(seconds))
    try:
        return await _watch(target, first, seconds, verify)
    finally:
        # Decided early: the rest of the traffic ends by itself.
        traffic.cancel()
        await asyncio.gather(traffic, return_exceptions=True)


async def _watch(target: Target, first: Metrics, seconds: float, verify: Verify) -> Verdict:
    limits = Limits(
        max_error_rate=verify.max_error_rate, max_p95_ms=verify.max_p95_ms, min_requests=verify.min_requests
    )
    loop = asyncio.get_running_loop()
    began = loop.time()
    while True:
        await asyncio.sleep(min(verify.interval, max(0.0, began + seconds - loop.time())))
        passed = loop.time() - began
        now = await target.read_metrics()
        verdict = judge(now.counters.since(first.counters), passed, limits, len(now.ended - first.ended))
        write_progress(f"{passed:5.1f} s  {verdict.outcome}: {'; '.join(verdict.reasons)}")
        if verdict.outcome == "fail" or passed >= seconds:
            return verdict
