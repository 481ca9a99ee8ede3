"""One at a time: runs that hold the lock, people who do, and what becomes of a lock that nobody opens."""

import asyncio
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest

from ci.settings import Settings
from ci.targets import protocol as p
from ci.targets.__main__ import answer
from ci.targets.access import reach
from ci.targets.daemon import Daemon
from ci.targets.errors import LockedError
from ci.targets.swarm import delivering
from ci.targets.swarm.heartbeat import beating
from ci.targets.swarm.locking import lock
from ci.targets.swarm.names import Names
from ci.targets.swarm.times import longest

Image = Callable[[str], str]

REASON = "the accounts are closed today"


async def locked(stack: p.Stack, holder: str = "stakeholder", seconds: float | None = None) -> p.Locked:
    outcome = await answer(p.Lock(stack=stack, holder=holder, reason=REASON, seconds=seconds))
    assert isinstance(outcome, p.Locked), outcome
    return outcome


async def unlocked(request: p.Unlock) -> p.Unlocked:
    outcome = await answer(request)
    assert isinstance(outcome, p.Unlocked), outcome
    return outcome


async def refused(request: p.AnyRequest) -> p.Failed:
    outcome = await answer(request)
    assert isinstance(outcome, p.Failed), outcome
    assert outcome.reason == "locked"
    return outcome


async def described(stack: p.Stack) -> p.Described:
    outcome = await answer(p.State(stack=stack))
    assert isinstance(outcome, p.Described), outcome
    return outcome


async def at_work(daemon: Daemon, wanted: p.Lock) -> None:
    """Hold the lock as a run does, until it is taken away."""
    held = await lock(daemon, wanted, beats=True)
    async with beating(daemon, Names(wanted.stack), held.token):
        await asyncio.sleep(60)


async def test_one_at_a_time(stack: p.Stack) -> None:
    first = await locked(stack)
    second = await refused(p.Lock(stack=stack, holder="lead", reason="another"))
    assert "stakeholder" in second.message
    await refused(p.Unlock(stack=stack, token="guessed"))  # noqa: S106 - not a password
    assert "stakeholder" in (await unlocked(p.Unlock(stack=stack, token=first.token))).held_by
    assert (await unlocked(p.Unlock(stack=stack))).message == "was not locked"


async def test_a_freeze_is_told_to_whoever_deploys(stack: p.Stack) -> None:
    await locked(stack, seconds=3600)
    held = (await described(stack)).locked
    assert held
    assert (held.who, held.why, held.freeze, held.holds) == ("stakeholder", REASON, True, True)
    image = f"{stack.registry.repository}@sha256:{'0' * 64}"
    for kind in (p.Deploy, p.Rollback):
        # Without an end to its patience: a person's lock is not waited for.
        delivery = kind(stack=stack, image=image, version="1", holder="author", patience=float("inf"))
        message = (await refused(delivery)).message
        for told in ("stakeholder", REASON, f"until {held.until:%Y-%m-%d %H:%M:%S}", "ci call unlock --env dev"):
            assert told in message
    # Nobody works under it, so that anybody may open it.
    assert REASON in (await unlocked(p.Unlock(stack=stack))).held_by
    assert (await described(stack)).locked is None


async def test_a_lock_whose_time_is_over_is_taken_over(stack: p.Stack) -> None:
    assert (await locked(stack, seconds=0)).took_over == ""
    held = (await described(stack)).locked
    assert held
    assert not held.holds
    second = await locked(stack, "lead")
    assert second.took_over.startswith("stakeholder since ")
    assert second.took_over.endswith(f"{REASON} (its time was over)")
    assert second.took_over in second.message


async def test_what_the_holder_left_is_put_right_first(stack: p.Stack, image: Image) -> None:
    await locked(stack, seconds=0)
    assert (await answer(p.Candidate(stack=stack, image=image("one"), version="1"))).ok
    assert (await described(stack)).intent
    second = await locked(stack, "lead")
    assert (second.recovered, second.took_over != "") == ("undone", True)
    state = await described(stack)
    assert (state.intent, state.releases) == ("", ())


async def test_the_lock_of_a_run_that_lives_is_opened_by_force_alone(
    stack: p.Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    wanted = p.Lock(stack=stack, holder="author", reason="deploy 1")
    async with reach(stack.environment, p.Access()) as daemon:
        running = asyncio.create_task(at_work(daemon, wanted))
        while not (await described(stack)).lock:
            await asyncio.sleep(0.05)
        message = (await refused(p.Unlock(stack=stack))).message
        assert "author" in message
        assert message.endswith("ci call unlock --env dev --force")
        assert "author" in (await unlocked(p.Unlock(stack=stack, force=True))).held_by
        with pytest.raises(LockedError, match="somebody took over"):
            await running
        await lock(daemon, wanted, beats=True)
    # One that fell silent is as good as gone.
    monkeypatch.setattr("ci.targets.swarm.locking.SILENCE", timedelta())
    assert "author" in (await unlocked(p.Unlock(stack=stack))).held_by


@pytest.mark.parametrize("name", ["dev", "acceptance", "production"])
def test_a_lock_outlasts_every_time_out_of_a_deploy(name: str) -> None:
    settings = Settings.parse((Path(__file__).parents[2] / "pipeline.toml").read_text())
    stack = p.Stack.of(settings, name)
    environment, proof = stack.environment, p.Proof(timeout=1000)
    slowest = environment.replicas if environment.update.parallelism else 1
    together = slowest * environment.health.timeout + proof.timeout + environment.verify.window
    assert longest(stack, proof) > together
    assert longest(stack, proof) == longest(stack, None) + 1000


async def test_a_lock_says_until_when_it_holds(stack: p.Stack) -> None:
    await locked(stack)
    held = (await described(stack)).locked
    assert held
    assert held.until - held.since > timedelta(seconds=longest(stack, p.Proof()))


@pytest.mark.full
async def test_a_deploy_that_outlasts_its_time_outs_is_ended_and_undone(
    standing: p.Stack, image: Image, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(delivering, "longest", lambda *_: 12)
    proof = p.Proof(image="busybox:1", command=("sleep", "60"))
    outcome = await answer(p.Deploy(stack=standing, image=image("two"), version="2", holder="author", proof=proof))
    assert isinstance(outcome, p.Deployed)
    assert (outcome.status, outcome.reason, outcome.intact) == ("failed", "timeout", True)
    state = await described(standing)
    assert (state.now.version, len(state.releases), state.lock, state.intent) == ("one", 1, "", "")
