"""Releases on a real Swarm: started beside the current one, healthy or with a reason why not, retired, removed."""

import asyncio
import json
import subprocess
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractContextManager, asynccontextmanager
from typing import Any

import pytest

from ci.targets.swarm.target import SwarmTarget
from ci.targets.target import Health, ReleaseDescription
from tests.agents import Agent, Images
from tests.machine import docker

Traffic = Callable[[Agent], AbstractContextManager[Counter[str]]]


@asynccontextmanager
async def started(agent: Agent, image: str, version: str = "2") -> AsyncIterator[tuple[SwarmTarget, str, Health]]:
    """Start a release beside the current one, and remove the release in the end."""
    wanted = ReleaseDescription(image=image, version=version)
    async with agent.target() as target:
        candidate = await target.prepare_candidate(wanted)
        assert not candidate.exists
        health = await target.start_release(wanted)
        try:
            yield target, candidate.release, health
        finally:
            await target.remove_release(candidate.release)


def host_config(service: str) -> dict[str, Any]:
    """Return how a container of a service runs."""
    label = f"label=com.docker.swarm.service.name={service}"
    (container, *_) = docker("ps", "--quiet", "--filter", label).split()
    return dict(json.loads(docker("inspect", container))[0]["HostConfig"])


async def test_first_release_gets_its_variables_and_a_503_before(agent: Agent, images: Images) -> None:
    async with started(agent, images.service("one"), "1.0") as (target, release, health):
        assert health == Health(ok=True)
        assert agent.fetch().status_code == 503
        assert await target.read_routes() == {""}
        await target.route(release)
        assert await target.read_routes() == {release}
        variables = agent.fetch("/version").json()
    assert (variables["APP_VERSION"], variables["ENVIRONMENT"]) == ("1.0", "dev")
    assert (variables["LOG_LEVEL"], variables["FEATURES"]) == ("debug", "all")


@pytest.mark.full
async def test_unhealthy_candidate_gets_no_users(serving: Agent, images: Images, traffic: Traffic) -> None:
    with traffic(serving) as seen:
        async with started(serving, images.service("sick")) as (_, _, health):
            assert not health.ok
    assert "not healthy after 20 s" in health.reason
    assert "503" in health.logs
    assert set(seen) == {"200 one"}


async def test_candidate_that_cannot_start_shows_its_logs(serving: Agent, images: Images) -> None:
    async with started(serving, images.service("crash")) as (target, release, health):
        assert not health.ok
        assert "failed 3 times" in health.reason
        assert "this build cannot start" in health.logs
        again = await target.check_health(release)
    assert not again.ok


@pytest.mark.full
async def test_candidate_without_enough_memory_names_its_limit(serving: Agent, images: Images) -> None:
    small = serving.changed("environments.dev.resources.memory=6MiB")
    async with started(small, images.service("one"), "small") as (_, _, health):
        assert not health.ok
    assert "environments.dev.resources.memory is 6MiB: raise it in pipeline.toml" in health.reason


async def test_running_release_is_not_started_again(serving: Agent, images: Images) -> None:
    wanted = ReleaseDescription(image=images.service("one"), version="one")
    before = await serving.state()
    async with serving.target() as target:
        candidate = await target.prepare_candidate(wanted)
        assert (candidate.release, candidate.exists) == (before.current.release, True)
        assert (await target.start_release(wanted)).ok
    assert await serving.state() == before


async def test_other_settings_are_another_release(serving: Agent, images: Images) -> None:
    current = (await serving.state()).current.release
    other = serving.changed("environments.dev.log_level=off", "environments.dev.replicas=1")
    async with started(other, images.service("one"), "one") as (_, release, health):
        assert health.ok
        assert release != current
        found = (await serving.state()).find(release)
        assert found
        assert (found.role, found.replicas, found.healthy, found.version) == ("candidate", 1, 1, "one")
    assert len((await serving.state()).releases) == 1


async def test_replicas_start_as_many_at_a_time_as_the_settings_say(serving: Agent, images: Images) -> None:
    slow = serving.changed("environments.dev.update.parallelism=1", "environments.dev.update.delay=2")
    seen = set[int]()

    async def watch() -> None:
        async with slow.target() as target:
            while True:
                state = await target.read_state()
                seen.update(found.replicas for found in state.releases if found.role == "candidate")
                await asyncio.sleep(0.2)

    watching = asyncio.create_task(watch())
    async with started(slow, images.service("two")) as (_, release, health):
        watching.cancel()
        assert health.ok
        found = (await slow.state()).find(release)
    assert found
    assert (found.replicas, found.healthy, found.role) == (2, 2, "candidate")
    assert seen == {1, 2}


async def test_unknown_release_is_not_healthy(serving: Agent) -> None:
    async with serving.target() as target:
        health = await target.check_health("web-unknown")
        await target.remove_release("web-unknown")
    assert health == Health(ok=False, reason="there is no release web-unknown here: deploy it again")


async def test_release_runs_with_as_little_as_it_needs(serving: Agent) -> None:
    current = (await serving.state()).current
    assert current.digest.removeprefix("sha256:").startswith(current.release.split("-")[1])
    host = host_config(f"{serving.stack.namespace}_{current.release}")
    assert (host["ReadonlyRootfs"], host["CapDrop"], host["PidsLimit"]) == (True, ["ALL"], 200)
    assert (host["Memory"], host["NanoCpus"]) == (256 << 20, 10**9)


def test_docker_shows_the_stack(serving: Agent) -> None:
    listed = subprocess.run(["docker", "stack", "ls"], capture_output=True, text=True, check=True).stdout
    assert serving.stack.namespace in listed
