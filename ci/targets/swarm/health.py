"""The health gate: wait until every replica of a service is healthy, or until it is clear that they will not be."""

import asyncio
import time
from collections import Counter
from dataclasses import dataclass

from ci.targets.daemon import Daemon
from ci.targets.swarm.services import Task, is_failed, is_running, last_probe, logs, ran_out_of_memory, tasks

POLL = 0.1
# As many failures of one replica end the wait: an application may fail once or twice while its database comes up.
FAILURES = 3


@dataclass(frozen=True)
class Health:
    """What the gate saw."""

    ok: bool
    reason: str = ""
    logs: str = ""
    out_of_memory: bool = False


async def wait_until_healthy(daemon: Daemon, service: str, replicas: int, timeout: float) -> Health:  # noqa: ASYNC109 - a setting
    """Wait until so many replicas are healthy; a bad end comes with the last lines of the replicas that failed."""
    end = time.monotonic() + timeout
    while True:
        found = await tasks(daemon, service)
        if sum(map(is_running, found)) >= replicas:
            return Health(ok=True)
        failures = Counter(task.get("Slot") or task.get("NodeID") for task in found if is_failed(task))
        if failures and max(failures.values()) >= FAILURES:
            return await _unhealthy(daemon, found, f"a replica failed {FAILURES} times")
        if time.monotonic() > end:
            return await _unhealthy(daemon, found, f"not healthy after {timeout:.0f} s")
        await asyncio.sleep(POLL)


async def _unhealthy(daemon: Daemon, found: list[Task], reason: str) -> Health:
    found.sort(key=lambda task: str(task["CreatedAt"]), reverse=True)
    # Why a replica does not start is said by the one that still tries, or by the last that failed.
    culprits = [task for task in found if is_failed(task) or "ContainerStatus" in task["Status"]][:2] or found[:1]
    if not culprits:
        return Health(ok=False, reason=f"{reason}: Swarm started no replica: see 'docker service ps'")
    why = {str(task["Status"].get("Err") or task["Status"].get("Message") or "") for task in culprits}
    said = [text for task in culprits for text in (await logs(daemon, task), await last_probe(daemon, task)) if text]
    return Health(
        ok=False,
        reason=f"{reason}: {'; '.join(sorted(filter(None, why)))}",
        logs="\n".join(dict.fromkeys(said)),
        out_of_memory=any([await ran_out_of_memory(daemon, task) for task in culprits]),
    )
