"""A release watched after the switch: the edge's counters over a window, with traffic of our own beside the users'."""

import asyncio
import sys
import time
from functools import reduce
from typing import NamedTuple

from ci.analysis import Counters, Limits, Verdict, judge, read_counters
from ci.settings import Verify
from ci.targets.daemon import Daemon
from ci.targets.protocol import Measured, Metrics, Stack, Watch, Watched
from ci.targets.swarm import names as n
from ci.targets.swarm.edges import addresses, metrics
from ci.targets.swarm.images import pinned
from ci.targets.swarm.names import Names
from ci.targets.swarm.outpost import Outpost, outpost
from ci.targets.swarm.services import is_failed, tasks

# Ends by itself. Requests do not wait for each other, so that slow answers do not thin them out.
TRAFFIC = """
end=$(($(date +%s) + {seconds}))
while [ "$(date +%s)" -lt "$end" ]; do
    for path in {paths}; do
        {{ wget -q -O /dev/null -T 5 "{address}$path"; echo .; }} &
        sleep {pause}
    done
done
wait
"""


class Look(NamedTuple):
    """What is seen at one moment: the edge's counters, and the replicas that ended by themselves."""

    counters: Counters
    ended: frozenset[str]


async def watch(daemon: Daemon, request: Watch) -> Watched:
    """Watch until the window is over, or until it is clear that the release fails."""
    stack, names = request.stack, Names(request.stack)
    verify = stack.environment.verify
    seconds = verify.window if request.window is None else request.window
    image = await pinned(daemon, stack, stack.images.caddy, request.login)
    async with outpost(daemon, stack, image) as post:
        beginning = await _look(daemon, names, post)
        traffic = asyncio.create_task(_send(daemon, stack, post, seconds))
        verdict = await _observe(daemon, names, post, beginning, seconds, verify)
        own = await _ended(traffic, verdict)
    message = f"{verdict.outcome}: {'; '.join(verdict.reasons)}"
    return Watched(ok=verdict.outcome != "fail", message=message, verdict=verdict, own_requests=own)


async def measure(daemon: Daemon, request: Metrics) -> Measured:
    """Read the edge's metrics, as they are now."""
    image = await pinned(daemon, request.stack, request.stack.images.caddy, request.login)
    async with outpost(daemon, request.stack, image) as post:
        texts = await metrics(daemon, Names(request.stack), post)
    return Measured(message=f"{len(texts)} replicas of the edge measured", texts=tuple(texts))


async def _observe(
    daemon: Daemon, names: Names, post: Outpost, beginning: Look, seconds: float, verify: Verify
) -> Verdict:
    limits = Limits(
        max_error_rate=verify.max_error_rate, max_p95_ms=verify.max_p95_ms, min_requests=verify.min_requests
    )
    began = time.monotonic()
    while True:
        await asyncio.sleep(min(verify.interval, max(0.0, began + seconds - time.monotonic())))
        passed = time.monotonic() - began
        now = await _look(daemon, names, post)
        verdict = judge(now.counters.since(beginning.counters), passed, limits, len(now.ended - beginning.ended))
        sys.stderr.write(f"{passed:5.1f} s  {verdict.outcome}: {'; '.join(verdict.reasons)}\n")
        if verdict.outcome == "fail" or passed >= seconds:
            return verdict


async def _look(daemon: Daemon, names: Names, post: Outpost) -> Look:
    texts, edge = await asyncio.gather(metrics(daemon, names, post), daemon.get(f"/services/{names.full(n.EDGE)}"))
    serving = edge["Spec"]["Labels"].get(n.SERVING, "")
    ended = {task["ID"] for task in await tasks(daemon, names.full(serving)) if is_failed(task)}
    return Look(reduce(Counters.plus, map(read_counters, texts), Counters()), frozenset(ended))


async def _send(daemon: Daemon, stack: Stack, post: Outpost, seconds: float) -> int:
    """Send requests through the edge as a user would, and return how many."""
    rate = stack.environment.verify.traffic
    if not rate:
        return 0
    edge = (await addresses(daemon, Names(stack)))[0]
    script = TRAFFIC.format(
        seconds=max(1, round(seconds)),
        paths=f"{stack.app.health_path} {stack.app.version_path}",
        address=f"http://{edge}:{stack.environment.edge.port}",
        pause=round(1 / rate, 3),
    )
    return (await post.run(["sh", "-c", script])).output.count(".")


async def _ended(traffic: asyncio.Task[int], verdict: Verdict) -> int:
    if verdict.outcome == "fail":
        # Decided early: the rest of the traffic ends with its own clock.
        traffic.cancel()
        return 0
    return await traffic
