"""Recovery after real kills: a verified release serves, and the next command finishes or undoes what was left."""

import asyncio
import subprocess
import time
from collections import Counter
from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import UTC, datetime
from typing import Literal

import httpx
import pytest

from ci.agent.protocol.requests import AnyRequest, LockEnvironment, UnlockEnvironment
from ci.agent.protocol.responses import Done
from ci.outcome import Outcome
from ci.targets.target import Intent, ReleaseDescription
from tests.agents import Agent, Images, deploy_request
from tests.machine import docker

Traffic = Callable[[Agent], AbstractContextManager[Counter[str]]]

LOCK = LockEnvironment(environment="dev", by="next", reason="test", seconds=60)
UNLOCK = UnlockEnvironment(environment="dev", force=True)
PASSES = "echo passed"


async def recover(agent: Agent) -> str:
    """Open the dead run's lock, lock the environment, and return what was done about the dead run."""
    await agent.ask(Done, UNLOCK)
    message = (await agent.ask(Done, LOCK)).message
    await agent.ask(Done, UNLOCK)
    return message.removeprefix("locked by next").removeprefix("; what a killed run had left is ")


async def releases(agent: Agent) -> int:
    return len((await agent.state()).releases)


async def start_candidate(agent: Agent, version: str, image: str) -> str:
    """Do what a deploy does up to its healthy candidate, and return the candidate's name."""
    wanted = ReleaseDescription(image=image, version=version)
    async with agent.target() as target:
        candidate = await target.prepare_candidate(wanted)
        current = (await target.read_state()).current.release
        await target.write_intent(intent(current, candidate.release))
        assert (await target.start_release(wanted)).ok
    return candidate.release


def intent(current: str, candidate: str) -> Intent:
    return Intent(current=current, candidate=candidate, since=datetime.now(UTC).isoformat())


def kill_after(stage: str, agent: Agent, request: AnyRequest) -> None:
    """Run the program, and kill it -9 when it reports a stage."""
    process = agent.start(request)
    assert process.stderr
    reported = next((line for line in process.stderr if line.startswith(f"{stage}:")), "")
    process.kill()
    process.communicate()
    assert reported


@pytest.mark.full
@pytest.mark.parametrize(
    ("stage", "resolution"),
    [("preflight", ""), ("candidate", "undone"), ("test", "undone"), ("switch", "undone"), ("verify", "undone")],
)
async def test_next_deploy_recovers_from_a_killed_one(
    agent: Agent, images: Images, traffic: Traffic, stage: str, resolution: Literal["", "undone"]
) -> None:
    tests = images.tests(PASSES)
    assert (await agent.deploy("1", images.service("one"))).ok
    with traffic(agent) as seen:
        await asyncio.to_thread(kill_after, stage, agent, deploy_request("2", images.service("two"), tests))
        report = await agent.deploy("2", images.service("two"), tests)
    assert report.outcome == Outcome.SUCCEEDED
    assert set(seen) == {"200 one", "200 two"}, seen
    assert report.recovered == resolution
    assert "no sign of life" in report.took_over
    assert report.previous.image == images.service("one")
    state = await agent.state()
    assert (state.intent, state.lock) == (None, None)
    assert len(state.releases) == 2


@pytest.mark.full
async def test_kill_while_the_candidate_starts_is_undone(serving: Agent, images: Images, traffic: Traffic) -> None:
    with traffic(serving) as seen:
        process = serving.start(deploy_request("2", images.service("two")))
        while await releases(serving) < 2:
            await asyncio.sleep(0.05)
        process.kill()
        process.communicate()
        left = (await serving.state()).intent
        assert left
        assert left.candidate.startswith("web-")
        assert await recover(serving) == "undone"
    assert set(seen) == {"200 one"}
    state = await serving.state()
    assert (len(state.releases), state.intent) == (1, None)


@pytest.mark.full
async def test_kill_between_the_edge_and_its_record_is_undone(serving: Agent, images: Images) -> None:
    two = await start_candidate(serving, "2", images.service("two"))
    async with serving.target() as target:
        await target.route(two)
    assert serving.serving() == "two"
    assert await recover(serving) == "undone"
    assert serving.serving() == "one"
    assert await releases(serving) == 1


@pytest.mark.full
async def test_kill_before_the_verdict_is_undone(serving: Agent, images: Images, traffic: Traffic) -> None:
    one = (await serving.state()).current.release
    two = await start_candidate(serving, "2", images.service("two"))
    async with serving.target() as target:
        await target.route(two)
        await target.record_routing(current=two, previous=one, stable=one)
    with traffic(serving) as seen:
        assert await recover(serving) == "undone"
    assert set(seen) <= {"200 one", "200 two"}
    assert serving.serving() == "one"
    assert await releases(serving) == 1


@pytest.mark.full
async def test_recovery_keeps_a_finished_release_serving(serving: Agent) -> None:
    one = (await serving.state()).current.release
    async with serving.target() as target:
        # What a run leaves that ends between the record of the stable release and the end of its intent.
        await target.write_intent(intent("", one))
    assert await recover(serving) == "finished"
    assert serving.serving() == "one"
    assert await recover(serving) == ""


@pytest.mark.full
@pytest.mark.parametrize("seconds", [1.2, 2.6])
async def test_killed_first_deploy_can_be_tried_again(agent: Agent, images: Images, seconds: float) -> None:
    request = deploy_request("1", images.service("one"))
    process = agent.start(request)
    await asyncio.sleep(seconds)
    process.kill()
    process.communicate()
    await recover(agent)
    assert (await agent.deliver(request)).outcome == Outcome.SUCCEEDED
    assert agent.serving() == "one"


@pytest.mark.full
async def test_helper_of_a_killed_run_is_removed_by_the_next_one(serving: Agent, images: Images) -> None:
    helpers = ("ps", "--quiet", "--filter", f"label=slipway.helper={serving.stack.namespace}")
    request = deploy_request("tested", images.service("two"), images.tests(PASSES))
    await asyncio.to_thread(kill_after, "candidate", serving, request)
    assert docker(*helpers)
    assert await recover(serving) == "undone"
    assert docker(*helpers) == ""


async def test_restarted_edge_remembers_the_current_release(serving: Agent) -> None:
    label = f"label=com.docker.swarm.service.name={serving.stack.namespace}_edge"
    await asyncio.to_thread(subprocess.run, ["docker", "kill", docker("ps", "--quiet", "--filter", label)], check=True)
    end = time.monotonic() + 30
    while True:
        try:
            assert serving.serving() == "one"
        except httpx.HTTPError:
            assert time.monotonic() < end
            await asyncio.sleep(0.2)
        else:
            return
