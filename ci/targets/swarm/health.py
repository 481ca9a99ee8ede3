"""Wait until every replica of a service runs and is ready, or until failures or the time-out end the wait."""

import asyncio
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace

from ci.hints import OUT_OF_MEMORY
from ci.targets.daemon import Daemon
from ci.targets.swarm.services import Task, is_failed, is_running, last_probe, logs, ran_out_of_memory, tasks

POLL = 0.1
# So many failures of one replica end the wait: an application may fail once or twice while its database starts.
FAILURES = 3
# Seconds until Swarm knows that a process has ended: it takes the container's networks down first.
NOTICE = 15

# Returns what is wrong with each replica; empty: it is ready.
FindProblems = Callable[[Sequence[Task]], Awaitable[list[str]]]


@dataclass(frozen=True)
class Health:
    """The result of the wait."""

    ok: bool
    reason: str = ""
    logs: str = ""


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


async def examine(daemon: Daemon, service: str, find_problems: FindProblems) -> Health:
    """Say at once how replicas ended and what the running ones answer, with the last lines of both."""
    found, end = await tasks(daemon, service), time.monotonic() + NOTICE
    problems = await find_problems([task for task in found if is_running(task)])
    while any(problems) and not any(map(is_failed, found)) and time.monotonic() < end:
        await asyncio.sleep(POLL)
        found = await tasks(daemon, service)
    health = await _unhealthy(daemon, found, problems)
    is_fine = bool(found) and not any(problems) and not any(map(is_failed, found))
    return replace(health, ok=True, reason="") if is_fine else health


async def _unhealthy(daemon: Daemon, found: list[Task], problems: Sequence[str], reason: str = "") -> Health:
    begin = f"{reason}: " if reason else ""
    found.sort(key=lambda task: str(task["CreatedAt"]), reverse=True)
    # The reason is in the last failed task, or in one that still tries to start.
    failed = [task for task in found if is_failed(task)]
    trying = [task for task in found if not is_failed(task) and "ContainerStatus" in task["Status"]]
    culprits = [*failed[:1], *trying, *failed[1:]][:2] or found[:1]
    if not culprits:
        return Health(ok=False, reason=f"{begin}Swarm started no replica: see 'docker service ps'")
    answers = sorted({problem for problem in problems if problem})
    ends = [await _how_it_ended(daemon, task) for task in culprits if is_failed(task)]
    states = [str(task["Status"].get("Err") or task["Status"].get("Message") or "") for task in culprits]
    lines = [text for task in culprits for text in (await logs(daemon, task), await last_probe(daemon, task)) if text]
    return Health(
        ok=False,
        reason=begin + "; ".join(dict.fromkeys(filter(None, [*ends, *answers] or states))),
        logs="\n".join(dict.fromkeys([*lines, *answers])),
    )


async def _how_it_ended(daemon: Daemon, task: Task) -> str:
    message = str(task["Status"].get("Err") or task["Status"].get("Message") or "").removeprefix("task: ")
    killed = f", {OUT_OF_MEMORY}" if await ran_out_of_memory(daemon, task) else ""
    return f"a replica ended: {message}{killed}"
