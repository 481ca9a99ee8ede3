"""Readiness and liveness are two things: the network is asked for the one, and the process's end is the other."""

import asyncio
import subprocess
import time
import uuid
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager

import pytest

from ci.targets.stack import Stack
from ci.targets.swarm import specs
from ci.targets.target import ReleaseDescription
from tests.agents import Agent, Images
from tests.machine import docker

Traffic = Callable[[Agent], AbstractContextManager[Counter[str]]]

# The edge asks every second, takes a replica out after three failures, and Caddy reads the list every five seconds.
PATIENCE = 30
# Seconds, and processes, of the starvation.
STARVED, BUSY = 120, 48


async def replicas(agent: Agent) -> set[str]:
    """Return the containers of the current release, the ended ones too."""
    service = f"{agent.stack.namespace}_{(await agent.state()).current.release}"
    label = f"label=com.docker.swarm.service.name={service}"
    return set(docker("ps", "--all", "--no-trunc", "--quiet", "--filter", label).split())


def release_container(stack: Stack) -> specs.Spec:
    """Return the container of a release, as its description says."""
    described = specs.release(stack, f"localhost:5000/a@sha256:{'0' * 64}", "1", ())
    return dict(described["TaskTemplate"]["ContainerSpec"])


def pause(replica: str, seconds: int) -> None:
    """Let a replica say for so many seconds that it is not ready; it answers other requests all the same."""
    script = f"import urllib.request; urllib.request.urlopen('http://127.0.0.1:8000/pause?{seconds}')"
    docker("exec", replica, "python", "-c", script)


async def answering(agent: Agent, wanted: int) -> bool:
    """Wait until so many replicas answer users, and no other one."""
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        seen = {agent.fetch().headers["x-replica"] for _ in range(20)}
        if len(seen) == wanted:
            return True
        await asyncio.sleep(0.5)
    return False


async def test_image_with_nothing_but_its_program_is_healthy(serving: Agent, images: Images) -> None:
    wanted = ReleaseDescription(image=images.bare(), version="bare")
    async with serving.target() as target:
        release = (await target.prepare_candidate(wanted)).release
        try:
            # The image's own HEALTHCHECK starts a program that does not exist.
            health = await target.start_release(wanted)
            await asyncio.sleep(3)
            again = await target.check_health(release)
            state = (await target.read_state()).find(release)
        finally:
            await target.remove_release(release)
    assert health.ok, health
    assert again.ok, again
    assert state
    assert state.healthy == state.replicas


def test_docker_checks_no_release_of_its_own_accord(serving: Agent) -> None:
    assert release_container(serving.stack)["Healthcheck"] == {"Test": ["NONE"]}


def test_liveness_command_is_slow_and_lenient(serving: Agent) -> None:
    container = release_container(serving.changed('app.liveness_command=["alive"]').stack)
    check = container["Healthcheck"]
    assert check["Test"] == ["CMD", "alive"]
    assert check["Interval"] >= 10e9
    assert check["Timeout"] >= 30e9
    assert check["Retries"] >= 5


async def test_replica_that_is_not_ready_gets_no_requests_and_is_not_replaced(serving: Agent) -> None:
    before = await replicas(serving)
    assert await answering(serving, 2)
    first = serving.fetch().headers["x-replica"]
    pause(first, 1000)
    assert await answering(serving, 1)
    second = serving.fetch().headers["x-replica"]
    assert second != first
    state = await serving.state()
    found = state.find(state.current.release)
    assert found
    assert (found.healthy, found.replicas, state.is_healthy) == (1, 2, False)
    pause(second, 1000)
    # No replica is ready: both get requests, since late answers are better than none.
    assert await answering(serving, 2)
    pause(first, 0)
    assert await answering(serving, 1)
    assert serving.fetch().headers["x-replica"] == first
    pause(second, 0)
    assert await answering(serving, 2)
    assert await replicas(serving) == before


async def test_killed_replica_loses_no_request_of_others(serving: Agent, traffic: Traffic) -> None:
    """The address of a replica that is gone stays in the edge's list for some seconds."""
    with traffic(serving) as seen:
        await asyncio.sleep(3)
        victim = min(await replicas(serving))
        subprocess.run(["docker", "kill", victim], capture_output=True, check=True)
        await asyncio.sleep(15)
    # What the killed replica was answering is lost: at most one request of each user.
    assert sum(count for answer, count in seen.items() if not answer.startswith("200 ")) <= 4, seen
    assert await answering(serving, 2)


@contextmanager
def starved_processors() -> Iterator[None]:
    """Start many busy processes that the kernel prefers to every other container; they end by themselves."""
    name = f"busy-{uuid.uuid4().hex[:8]}"
    script = f"for i in $(seq {BUSY}); do timeout {STARVED + 60} sh -c 'while :; do :; done' & done; wait"
    docker("run", "--detach", "--rm", "--name", name, "--cpu-shares", "65536", "busybox:1", "sh", "-c", script)
    try:
        yield
    finally:
        docker("rm", "--force", name)


@pytest.mark.full
async def test_starved_processors_are_no_outage(serving: Agent, traffic: Traffic) -> None:
    before = await replicas(serving)
    with traffic(serving) as seen, starved_processors():
        await asyncio.sleep(STARVED)
    assert await replicas(serving) == before
    # A client waits for ten seconds.
    failed = {answer for answer in seen if answer != "200 one" and not answer.startswith("ReadTimeout")}
    assert failed == set(), seen
    assert seen["200 one"] > 100, seen
