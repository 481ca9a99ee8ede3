"""Rollback on a real Swarm: by the edge alone while the release is kept, by a deploy when it is not."""

import asyncio
from collections import Counter
from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import UTC, datetime

import pytest

from ci.agent.protocol.requests import LockEnvironment, UnlockEnvironment
from ci.agent.protocol.responses import Done
from ci.delivery.request import DeliveryReport
from ci.outcome import Outcome
from ci.targets.target import Intent
from tests.agents import Agent, Images, delivery

Traffic = Callable[[Agent], AbstractContextManager[Counter[str]]]

LOCK = LockEnvironment(environment="dev", by="lead", reason="test", seconds=60)
UNLOCK = UnlockEnvironment(environment="dev", force=True)


def stages(report: DeliveryReport) -> list[str]:
    return [stage.name for stage in report.stages]


async def test_kept_release_is_reached_by_the_edge_alone(serving: Agent, images: Images, traffic: Traffic) -> None:
    two = await serving.deploy("two", images.service("two"))
    with traffic(serving) as seen:
        back = await serving.roll_back("one")
        state = await serving.state()
    assert (back.outcome, back.kept) == (Outcome.SUCCEEDED, True)
    assert stages(back) == ["lock", "switch", "probe", "retire"]
    assert (back.previous.release, back.previous.version) == (two.release, "two")
    assert (state.current.version, state.previous.version, state.is_healthy) == ("one", "two", True)
    assert (state.lock, state.intent) == (None, None)
    assert set(seen) == {"200 one", "200 two"}, seen
    # And forth again, since the release that was left is kept as well.
    forth = await serving.roll_back("two")
    assert (forth.outcome, forth.release) == (Outcome.SUCCEEDED, two.release)
    assert (await serving.roll_back("two")).outcome == Outcome.UNCHANGED
    assert (await serving.roll_back("one")).ok
    assert serving.serving() == "one"


@pytest.mark.full
async def test_release_that_is_not_kept_is_deployed(serving: Agent, images: Images) -> None:
    forgetful = serving.changed("environments.dev.keep_previous=0")
    assert (await forgetful.deploy("two", images.service("two"))).ok
    assert len((await serving.state()).releases) == 1
    back = await serving.roll_back("one")
    assert (back.outcome, back.kept) == (Outcome.SUCCEEDED, False)
    assert stages(back) == ["lock", "preflight", "candidate", "policy", "switch", "verify", "retire"]
    assert serving.serving() == "one"


@pytest.mark.full
async def test_release_that_does_not_answer_is_switched_back(serving: Agent, images: Images) -> None:
    one = (await serving.state()).current.release
    two = await serving.deploy("two", images.service("two"))
    # The release's own health check passes; the path that the edge is asked for does not answer.
    back = await serving.changed("app.health_path=/moved").roll_back("one")
    assert (back.ok, back.outcome) == (False, Outcome.ROLLED_BACK)
    assert "/moved through the edge fails" in back.message
    state = await serving.state()
    assert (state.current.release, state.intent, state.lock) == (two.release, None, None)
    assert not state.find(one)
    assert (await serving.roll_back("one")).ok
    assert serving.serving() == "one"


@pytest.mark.full
async def test_killed_rollback_is_finished_by_the_next_command(serving: Agent, images: Images) -> None:
    one = (await serving.state()).current.release
    two = await serving.deploy("two", images.service("two"))
    async with serving.target() as target:
        # What a run leaves that ends before it switches.
        since = datetime.now(UTC).isoformat()
        await target.write_intent(Intent(current=two.release, candidate=one, since=since, rollback=True))
    locked = await serving.ask(Done, LOCK)
    assert "what a killed run had left is finished" in locked.message
    await serving.ask(Done, UNLOCK)
    state = await serving.state()
    assert (state.current.release, state.previous.release, state.intent) == (one, two.release, None)
    assert serving.serving() == "one"


@pytest.mark.full
async def test_rollback_killed_at_any_time_leaves_a_healthy_release_serving(
    serving: Agent, images: Images, traffic: Traffic
) -> None:
    assert (await serving.deploy("two", images.service("two"))).ok
    with traffic(serving) as seen:
        for seconds in (0.7, 1.0, 1.3, 1.6):
            process = serving.start(delivery("rollback", "one"))
            await asyncio.sleep(seconds)
            process.kill()
            process.communicate()
            await serving.ask(Done, UNLOCK)
            await serving.ask(Done, LOCK)
            assert (await serving.state()).is_healthy
            await serving.ask(Done, UNLOCK)
        assert (await serving.roll_back("one")).ok
    assert set(seen) == {"200 one", "200 two"}, seen
    assert serving.serving() == "one"


async def test_version_that_never_ran_here_is_refused(serving: Agent) -> None:
    reasons = await serving.refuse(delivery("rollback", "0.9"))
    assert "0.9 never served here" in reasons
    assert serving.serving() == "one"
