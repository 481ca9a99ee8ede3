"""Wait until every replica of a service runs and is ready, or until failures or the time-out end the wait."""

import asyncio
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from ci.targets.daemon import Daemon
from ci.targets.swarm.services import Task, is_failed, is_running, last_probe, logs, ran_out_of_memory, tasks

POLL = 0.1
# So many failures of one replica end the wait: an application may fail once or twice while its database starts.
FAILURES = 3

# Returns what is wrong with each replica; empty: it is ready.
FindProblems = Callable[[Sequence[Task]], Awaitable[list[str]]]


@dataclass(frozen=True)
class Health:
    """The result of the wait."""

    ok: bool
    reason: str = ""
    logs: str = ""
    out_of_memory: bool = False


async def _always_ready(running: Sequence[Task]) -> list[str]:
    return [""] * len(running)


async def wait_until_healthy(
    daemon: Daemon,
    service: str,
    replicas: int,
    timeout: float,  # noqa: ASYNC109 - a setting
    find_problems: FindProblems = _always_ready,
) -> Health:
    """Wait until so many replicas run and are ready; a failure holds the last lines of the failed replicas."""
    end = time.monotonic() + timeout
    while True:
        found = await tasks(daemon, service)
        running = [task for task in found if is_running(task)]
        problems = await find_problems(running)
        if problems.count("") >= replicas:
            return Health(ok=True)
        failures = Counter(task.get("Slot") or task.get("NodeID") for task in found if is_failed(task))
        if failures and max(failures.values()) >= FAILURES:
            return await _unhealthy(daemon, found, problems, f"a replica failed {FAILURES} times")
        if time.monotonic() > end:
            return await _unhealthy(daemon, found, problems, f"not healthy after {timeout:.0f} s")
        await asyncio.sleep(POLL)


async def _unhealthy(daemon: Daemon, found: list[Task], problems: Sequence[str], reason: str) -> Health:
    found.sort(key=lambda task: str(task["CreatedAt"]), reverse=True)
    # The reason is in the task that still tries to start, or in the last failed one.
    culprits = [task for task in found if is_failed(task) or "ContainerStatus" in task["Status"]][:2] or found[:1]
    if not culprits:
        return Health(ok=False, reason=f"{reason}: Swarm started no replica: see 'docker service ps'")
    seen = {problem for problem in problems if problem}
    why = {str(task["Status"].get("Err") or task["Status"].get("Message") or "") for task in culprits}
    lines = [text for task in culprits for text in (await logs(daemon, task), await last_probe(daemon, task)) if text]
    return Health(
        ok=False,
        reason=f"{reason}: {'; '.join(sorted(filter(None, seen or why)))}",
        logs="\n".join(dict.fromkeys([*lines, *sorted(seen)])),
        out_of_memory=any([await ran_out_of_memory(daemon, task) for task in culprits]),
    )
