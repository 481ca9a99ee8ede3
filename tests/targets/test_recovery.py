"""A run that is killed leaves a proven release serving, and the next one finishes or undoes what it left."""

import asyncio
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from contextlib import AbstractContextManager

import httpx
import pytest

from ci.targets import protocol as p
from ci.targets.__main__ import answer
from ci.targets.access import reach
from ci.targets.swarm import intent
from ci.targets.swarm.edges import let_serve
from ci.targets.swarm.names import Names
from ci.targets.swarm.outpost import outpost

Image = Callable[[str], str]
Traffic = Callable[[p.Stack], AbstractContextManager[Counter[str]]]


async def start(stack: p.Stack, image: str, version: str = "1") -> p.Started:
    outcome = await answer(p.Candidate(stack=stack, image=image, version=version))
    assert isinstance(outcome, p.Started), outcome
    assert outcome.status == "healthy", outcome
    return outcome


async def described(stack: p.Stack) -> p.Described:
    outcome = await answer(p.State(stack=stack))
    assert isinstance(outcome, p.Described), outcome
    return outcome


async def next_run(stack: p.Stack) -> str:
    """Lock and unlock, as the next run would; return what was done about the one before."""
    locked = await answer(p.Lock(stack=stack, holder="next", reason="test"))
    assert isinstance(locked, p.Locked), locked
    assert (await answer(p.Unlock(stack=stack, token=locked.token))).ok
    return locked.recovered


def begin(request: p.Request) -> subprocess.Popen[str]:
    """Start a run in a process of its own."""
    process = subprocess.Popen([sys.executable, "-m", "ci.targets"], stdin=subprocess.PIPE, text=True)
    assert process.stdin
    process.stdin.write(request.model_dump_json())
    process.stdin.close()
    return process


def build(stack: p.Stack) -> str:
    """Return which build serves the users."""
    return str(httpx.get(stack.environment.address, timeout=10).headers.get("x-build", ""))


async def releases(stack: p.Stack) -> int:
    return len((await described(stack)).releases)


@pytest.mark.full
async def test_killed_while_the_candidate_starts(standing: p.Stack, image: Image, traffic: Traffic) -> None:
    with traffic(standing) as seen:
        process = begin(p.Candidate(stack=standing, image=image("two"), version="2"))
        while await releases(standing) < 2:
            await asyncio.sleep(0.05)
        process.kill()
        process.wait()
        assert "web-" in (await described(standing)).intent
        assert await next_run(standing) == "undone"
    assert set(seen) == {"200 one"}
    state = await described(standing)
    assert (len(state.releases), state.intent) == (1, "")


@pytest.mark.full
async def test_killed_between_the_edge_and_the_note_about_it(standing: p.Stack, image: Image) -> None:
    two = await start(standing, image("two"))
    async with (
        reach(standing.environment, p.Access()) as daemon,
        outpost(daemon, standing, standing.images.caddy) as post,
    ):
        await let_serve(daemon, standing, post, two.release)
    assert build(standing) == "two"
    assert await next_run(standing) == "undone"
    assert build(standing) == "one"
    assert await releases(standing) == 1


@pytest.mark.full
async def test_killed_before_the_release_was_watched(standing: p.Stack, image: Image, traffic: Traffic) -> None:
    two = await start(standing, image("two"))
    assert (await answer(p.Switch(stack=standing, release=two.release))).ok
    with traffic(standing) as seen:
        assert await next_run(standing) == "undone"
    assert set(seen) <= {"200 one", "200 two"}
    assert build(standing) == "one"
    assert await releases(standing) == 1


@pytest.mark.full
async def test_killed_after_the_release_had_proven_itself(stack: p.Stack, image: Image) -> None:
    one = await start(stack, image("one"))
    assert (await answer(p.Switch(stack=stack, release=one.release))).ok
    assert (await answer(p.Retire(stack=stack))).ok
    async with reach(stack.environment, p.Access()) as daemon:
        # What a run leaves that ends between noting the proof and forgetting its intent.
        await intent.record(daemon, Names(stack), "", one.release)
    assert await next_run(stack) == "finished"
    assert build(stack) == "one"
    assert await next_run(stack) == ""


@pytest.mark.full
@pytest.mark.parametrize("seconds", [0.6, 2.0])
async def test_a_first_deploy_that_was_killed_can_be_tried_again(stack: p.Stack, image: Image, seconds: float) -> None:
    process = begin(p.Candidate(stack=stack, image=image("one"), version="1"))
    time.sleep(seconds)
    process.kill()
    process.wait()
    await next_run(stack)
    one = await start(stack, image("one"))
    assert (await answer(p.Switch(stack=stack, release=one.release))).ok
    assert build(stack) == "one"


@pytest.mark.full
async def test_a_deploy_that_is_told_to_end_lets_the_next_one_in(standing: p.Stack, image: Image) -> None:
    process = begin(p.Deploy(stack=standing, image=image("two"), version="2", holder="author"))
    while await releases(standing) < 2:
        await asyncio.sleep(0.05)
    process.terminate()
    assert process.wait(timeout=10) == 143
    assert (await described(standing)).lock == ""
    assert await next_run(standing) == "undone"
    assert build(standing) == "one"


async def test_the_edge_remembers_what_serves(standing: p.Stack) -> None:
    wanted = ["docker", "ps", "--quiet", "--filter", f"label=com.docker.swarm.service.name={standing.namespace}_edge"]
    (edge,) = subprocess.run(wanted, capture_output=True, text=True, check=True).stdout.split()
    subprocess.run(["docker", "kill", edge], capture_output=True, check=True)
    end = time.monotonic() + 30
    while True:
        try:
            assert build(standing) == "one"
        except httpx.HTTPError:
            assert time.monotonic() < end
            await asyncio.sleep(0.2)
        else:
            return
