"""The edge's counters, and requests of the pipeline's own through the edge."""

import asyncio
from functools import reduce

from ci.analysis import Counters, read_counters
from ci.targets.daemon import Daemon
from ci.targets.stack import Stack
from ci.targets.swarm import names as n
from ci.targets.swarm.edge import addresses, read_edge_metrics
from ci.targets.swarm.helper import HelperContainer
from ci.targets.swarm.names import Names
from ci.targets.swarm.services import is_failed, tasks
from ci.targets.target import Metrics

# The script ends by itself. Requests do not wait for each other, so that slow answers do not lower the rate.
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


async def read_metrics(daemon: Daemon, names: Names, helper: HelperContainer) -> Metrics:
    """Read the counters of every replica of the edge, and the ended replicas of the current release."""
    texts, edge = await asyncio.gather(
        read_edge_metrics(daemon, names, helper), daemon.get(f"/services/{names.full(n.EDGE)}")
    )
    current = edge["Spec"]["Labels"].get(n.CURRENT, "")
    ended = {task["ID"] for task in await tasks(daemon, names.full(current)) if is_failed(task)}
    return Metrics(reduce(Counters.plus, map(read_counters, texts), Counters()), frozenset(ended))


async def send_traffic(daemon: Daemon, stack: Stack, helper: HelperContainer, seconds: float) -> int:
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
    return (await helper.run(["sh", "-c", script])).output.count(".")
