"""The lock of an environment: held by a run or by a person, renewed, released, taken over after it expired."""

import asyncio
from datetime import timedelta
from pathlib import Path

import pytest

from ci.agent.protocol.requests import LockEnvironment, UnlockEnvironment
from ci.agent.protocol.responses import Done
from ci.delivery.budget import time_budget
from ci.delivery.lock import acquire_lock, hold_lock, new_lock, stop_when_lost
from ci.settings import Settings
from ci.targets.errors import LockedByPersonError, LockedError
from ci.targets.target import Intent, LockState, ReleaseDescription
from tests.agents import Agent, Images, delivery, deploy_request

REASON = "the accounts are closed today"
UNLOCK = UnlockEnvironment(environment="dev")


def lock_request(by: str = "stakeholder", seconds: float = 3600) -> LockEnvironment:
    return LockEnvironment(environment="dev", by=by, reason=REASON, seconds=seconds)


async def lock(agent: Agent, by: str = "stakeholder", seconds: float = 3600) -> str:
    return (await agent.ask(Done, lock_request(by, seconds))).message


async def locked(agent: Agent) -> LockState:
    state = (await agent.state()).lock
    assert state
    return state


async def refused(agent: Agent, request: LockEnvironment | UnlockEnvironment) -> str:
    failed = await agent.fail(request)
    assert (failed.where, failed.reason) == ("target", "locked")
    return failed.message


async def test_lock_has_one_holder_at_a_time(agent: Agent) -> None:
    async with agent.target() as target:
        mine = new_lock("stakeholder", REASON, 60, heartbeat=False)
        assert await target.acquire_lock(mine) == ""
        other = new_lock("lead", "another", 60, heartbeat=False)
        with pytest.raises(LockedByPersonError, match="stakeholder"):
            await target.acquire_lock(other)
        for work in (target.renew_lock(other.token), target.release_lock(other.token)):
            with pytest.raises(LockedError):
                await work
        released = await target.release_lock(mine.token)
        assert released == mine
        assert await target.release_lock() is None


async def test_refused_deploy_names_the_person_who_holds_the_lock(serving: Agent, images: Images) -> None:
    await lock(serving)
    held = await locked(serving)
    assert (held.lock.holder, held.lock.reason, held.lock.heartbeat, held.expired) == ("stakeholder", REASON, False, "")
    # Without an end to its patience: a person's lock is not waited for.
    endless = float("inf")
    deliveries = (deploy_request("two", images.service("two"), patience=endless), delivery("rollback", "one", endless))
    for request in deliveries:
        failed = await serving.fail(request)
        assert failed.reason == "locked"
        until = f"until {held.lock.until:%Y-%m-%d %H:%M:%S}"
        for part in ("stakeholder", REASON, until, "ci call unlock --env dev"):
            assert part in failed.message
    # No run works under the lock, so that anybody may open it.
    unlocked = await serving.ask(Done, UNLOCK)
    assert unlocked.message.startswith("unlocked; it was locked by stakeholder")
    assert REASON in unlocked.message
    assert (await serving.state()).lock is None
    assert (await serving.ask(Done, UNLOCK)).message == "was not locked"


async def test_expired_lock_is_taken_over(agent: Agent) -> None:
    assert await lock(agent, seconds=0.1) == "locked by stakeholder"
    await asyncio.sleep(0.2)
    assert (await locked(agent)).expired == "its time was over"
    message = await lock(agent, "lead")
    assert message.startswith("locked by lead; took over the lock of stakeholder since ")
    assert message.endswith(f"{REASON} (its time was over)")
    assert (await locked(agent)).lock.holder == "lead"


async def test_lock_of_a_person_undoes_a_killed_run_first(agent: Agent, images: Images) -> None:
    wanted = ReleaseDescription(image=images.service("one"), version="1")
    async with agent.target() as target:
        candidate = await target.prepare_candidate(wanted)
        intent = Intent(current="", candidate=candidate.release, since="")
        await target.write_intent(intent)
        assert (await target.start_release(wanted)).ok
        assert (await target.read_state()).intent == intent
    message = await lock(agent)
    assert message == "locked by stakeholder; what a killed run had left is undone"
    state = await agent.state()
    assert (state.intent, state.releases) == (None, ())


async def test_lock_of_a_live_run_is_released_by_force_alone(agent: Agent, monkeypatch: pytest.MonkeyPatch) -> None:
    async with agent.target() as target:
        wanted = new_lock("author", "deploy 1", 600, heartbeat=True)
        await acquire_lock(target, wanted, patience=0)

        async def work() -> None:
            async with hold_lock(target, wanted.token) as heartbeat, stop_when_lost(heartbeat):
                await asyncio.sleep(60)

        running = asyncio.create_task(work())
        message = await refused(agent, UNLOCK)
        assert "author" in message
        assert message.endswith("ci call unlock --env dev --force")
        assert "a run is at work: author" in await refused(agent, lock_request())
        forced = await agent.ask(Done, UnlockEnvironment(environment="dev", force=True))
        assert "author" in forced.message
        with pytest.raises(LockedError, match="another run took over the lock"):
            await running
        await acquire_lock(target, wanted, patience=0)
    # A run that fell silent is dead.
    monkeypatch.setattr("ci.targets.swarm.lock.EXPIRY", timedelta())
    assert "author" in (await agent.ask(Done, UNLOCK)).message


async def test_run_that_renews_its_lock_keeps_it(agent: Agent, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ci.targets.swarm.lock.EXPIRY", timedelta(seconds=4))
    async with agent.target() as target:
        mine = new_lock("author", "deploy 1", 600, heartbeat=True)
        await acquire_lock(target, mine, patience=0)
        async with hold_lock(target, mine.token):
            await asyncio.sleep(6)
            with pytest.raises(LockedError, match="a run is at work: author"):
                await target.acquire_lock(new_lock("lead", "deploy 2", 600, heartbeat=True))
        assert (await target.read_state()).lock is None


@pytest.mark.parametrize("name", ["dev", "acceptance", "production"])
def test_time_budget_contains_every_time_out_of_a_deploy(name: str) -> None:
    settings = Settings.parse((Path(__file__).parents[2] / "pipeline.toml").read_text())
    environment = settings.environment(name)
    slowest = environment.replicas if environment.update.parallelism else 1
    together = slowest * environment.health.timeout + 1000 + environment.verify.window
    assert time_budget(environment, test_timeout=1000) > together
    assert time_budget(environment, test_timeout=1000) == time_budget(environment, test_timeout=0) + 1000
