"""Back to an image that served before: by the edge alone while it is kept, by a deploy when it is not."""

import asyncio
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from contextlib import AbstractContextManager

import httpx
import pytest

from ci.targets import protocol as p
from ci.targets.__main__ import answer
from ci.targets.access import reach
from ci.targets.swarm import intent
from ci.targets.swarm.names import Names

Image = Callable[[str], str]
Traffic = Callable[[p.Stack], AbstractContextManager[Counter[str]]]


async def deploy(stack: p.Stack, image: str, version: str) -> p.Deployed:
    outcome = await answer(p.Deploy(stack=stack, image=image, version=version, holder="author"))
    assert isinstance(outcome, p.Deployed), outcome
    assert outcome.ok, outcome
    return outcome


def wanted(stack: p.Stack, image: str, version: str) -> p.Rollback:
    return p.Rollback(stack=stack, image=image, version=version, holder="lead")


async def rollback(stack: p.Stack, image: str, version: str) -> p.Deployed:
    outcome = await answer(wanted(stack, image, version))
    assert isinstance(outcome, p.Deployed), outcome
    return outcome


async def described(stack: p.Stack) -> p.Described:
    outcome = await answer(p.State(stack=stack))
    assert isinstance(outcome, p.Described), outcome
    return outcome


def build_that_serves(stack: p.Stack) -> str:
    return httpx.get(stack.environment.address, timeout=10).text


def names(outcome: p.Deployed) -> list[str]:
    return [stage.name for stage in outcome.stages]


async def test_while_it_is_kept_the_edge_alone_is_switched(standing: p.Stack, image: Image, traffic: Traffic) -> None:
    two = await deploy(standing, image("two"), "two")
    with traffic(standing) as seen:
        back = await rollback(standing, image("one"), "one")
        state = await described(standing)
    assert (back.status, back.kept, names(back)) == ("deployed", True, ["lock", "switch", "check", "retire"])
    assert (back.before.release, back.before.version) == (two.release, "two")
    assert (state.now.version, state.previous.version, state.ok) == ("one", "two", True)
    assert (state.lock, state.intent) == ("", "")
    assert set(seen) == {"200 one", "200 two"}, seen
    # And forth again, since what served is kept as well.
    forth = await rollback(standing, image("two"), "two")
    assert (forth.status, forth.release) == ("deployed", two.release)
    assert (await rollback(standing, image("two"), "two")).status == "unchanged"
    assert (await rollback(standing, image("one"), "one")).ok
    assert build_that_serves(standing) == "one"


@pytest.mark.full
async def test_what_is_not_kept_any_more_is_deployed(standing: p.Stack, image: Image) -> None:
    environment = standing.environment.model_copy(update={"keep_previous": 0})
    forgetful = standing.model_copy(update={"environment": environment})
    await deploy(forgetful, image("two"), "two")
    assert len((await described(standing)).releases) == 1
    back = await rollback(standing, image("one"), "one")
    assert (back.status, back.kept) == ("deployed", False)
    assert names(back) == ["lock", "preflight", "candidate", "switch", "watch", "retire"]
    assert build_that_serves(standing) == "one"


@pytest.mark.full
async def test_one_that_does_not_answer_is_switched_back(standing: p.Stack, image: Image) -> None:
    one = (await described(standing)).serving
    mute = standing.app.model_copy(update={"health_path": "/moved"})
    two = await deploy(standing, image("two"), "two")
    # Its own health check passes, and what the edge is asked for does not.
    back = await rollback(standing.model_copy(update={"app": mute}), image("one"), "one")
    assert (back.ok, back.status) == (False, "switched-back")
    assert "/moved through the edge fails" in back.message
    state = await described(standing)
    assert (state.serving, state.intent, state.lock) == (two.release, "", "")
    assert one not in [release.name for release in state.releases]
    await rollback(standing, image("one"), "one")
    assert build_that_serves(standing) == "one"


@pytest.mark.full
async def test_one_that_was_killed_is_finished_by_the_next_run(standing: p.Stack, image: Image) -> None:
    one = (await described(standing)).serving
    two = await deploy(standing, image("two"), "two")
    async with reach(standing.environment, p.Access()) as daemon:
        # What a run leaves that ends before it switches.
        await intent.record(daemon, Names(standing), two.release, one, rollback=True)
    locked = await answer(p.Lock(stack=standing, holder="lead", reason="test"))
    assert isinstance(locked, p.Locked)
    assert locked.recovered == "finished"
    assert (await answer(p.Unlock(stack=standing, token=locked.token))).ok
    state = await described(standing)
    assert (state.serving, state.previous.release, state.intent) == (one, two.release, "")
    assert build_that_serves(standing) == "one"


@pytest.mark.full
async def test_one_that_is_killed_at_any_time_ends_with_a_release_that_serves(
    standing: p.Stack, image: Image, traffic: Traffic
) -> None:
    await deploy(standing, image("two"), "two")
    with traffic(standing) as seen:
        for seconds in (0.5, 0.7, 0.9, 1.1):
            process = subprocess.Popen([sys.executable, "-m", "ci.targets"], stdin=subprocess.PIPE, text=True)
            assert process.stdin
            process.stdin.write(wanted(standing, image("one"), "one").model_dump_json())
            process.stdin.close()
            await asyncio.sleep(seconds)
            process.kill()
            process.wait()
            assert (await answer(p.Recover(stack=standing))).ok
            assert (await described(standing)).ok
            assert (await answer(p.Unlock(stack=standing, force=True))).ok
        assert (await rollback(standing, image("one"), "one")).ok
    assert set(seen) == {"200 one", "200 two"}, seen
    assert build_that_serves(standing) == "one"
