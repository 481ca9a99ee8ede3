"""A whole deploy in one request, on a real Swarm: what each ending looks like, and what a killed one leaves."""

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

Image = Callable[[str], str]
Traffic = Callable[[p.Stack], AbstractContextManager[Counter[str]]]

PASSES = p.Proof(image="busybox:1", command=("sh", "-c", 'wget -q -O - "$BASE_URL/" && echo " was asked"'))
FAILS = p.Proof(image="busybox:1", command=("sh", "-c", "echo 3 tests failed; exit 3"))


def wanted(stack: p.Stack, image: str, proof: p.Proof | None = None, patience: float = 30) -> p.Deploy:
    return p.Deploy(stack=stack, image=image, version="1", holder="tests", proof=proof, patience=patience)


async def deploy(stack: p.Stack, image: str, proof: p.Proof | None = None) -> p.Deployed:
    outcome = await answer(wanted(stack, image, proof))
    assert isinstance(outcome, p.Deployed), outcome
    return outcome


async def until_there(stack: p.Stack, what: str) -> None:
    """Wait until a deploy that runs meanwhile has its lock or its intent in the target."""
    while not getattr(await described(stack), what):
        await asyncio.sleep(0.1)


async def described(stack: p.Stack) -> p.Described:
    outcome = await answer(p.State(stack=stack))
    assert isinstance(outcome, p.Described), outcome
    return outcome


def build_that_serves(stack: p.Stack) -> str:
    return httpx.get(stack.environment.address, timeout=10).text


def killed_after(stage: str, request: p.Deploy) -> None:
    """Run the program, and kill it -9 when it says that a stage is done."""
    program = subprocess.Popen(
        [sys.executable, "-m", "ci.targets"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert program.stdin
    assert program.stderr
    program.stdin.write(request.model_dump_json())
    program.stdin.close()
    said = next((line for line in program.stderr if line.startswith(f"{stage}:")), "")
    program.kill()
    program.wait()
    for stream in (program.stdout, program.stderr):
        assert stream
        stream.close()
    assert said


async def assert_nothing_changed(stack: p.Stack) -> None:
    state = await described(stack)
    assert (state.intent, state.lock) == ("", "")
    assert [release.role for release in state.releases] == ["serving"]
    assert build_that_serves(stack) == "one"


async def test_a_service_lives(stack: p.Stack, image: Image, traffic: Traffic) -> None:
    first = await deploy(stack, image("one"), PASSES)
    assert (first.status, first.address) == ("deployed", stack.environment.address)
    names = ["lock", "preflight", "candidate", "prove", "switch", "watch", "retire"]
    assert [stage.name for stage in first.stages] == names
    assert first.proved is not None
    assert first.proved.output == "one was asked"

    assert (first.before, first.recovered, first.took_over) == (p.Served(), "", "")

    again = await deploy(stack, image("one"), PASSES)
    assert (again.status, again.release) == ("unchanged", first.release)

    with traffic(stack) as seen:
        second = await deploy(stack, image("two"), PASSES)
    assert second.status == "deployed"
    assert (second.before.release, second.before.version) == (first.release, "1")
    assert second.before.digest == image("one").partition("@")[2]
    assert set(seen) == {"200 one", "200 two"}, seen
    state = await described(stack)
    assert (state.now.image, state.previous, state.healthy) == (image("two"), second.before, 2)
    assert {release.role: release.name for release in state.releases} == {
        "serving": second.release,
        "previous": first.release,
    }
    assert (state.intent, state.lock) == ("", "")


async def test_a_failed_proof_leaves_what_served(standing: p.Stack, image: Image, traffic: Traffic) -> None:
    with traffic(standing) as seen:
        outcome = await deploy(standing, image("two"), FAILS)
    assert (outcome.ok, outcome.status) == (False, "unproven")
    assert outcome.proved is not None
    assert (outcome.proved.exit_code, outcome.proved.output) == (3, "3 tests failed")
    assert set(seen) == {"200 one"}, seen
    await assert_nothing_changed(standing)


async def test_a_release_that_cannot_start_leaves_what_served(standing: p.Stack, image: Image) -> None:
    outcome = await deploy(standing, image("crash"), PASSES)
    assert (outcome.ok, outcome.status) == (False, "unhealthy")
    assert "this build cannot start" in outcome.logs
    await assert_nothing_changed(standing)


@pytest.mark.full
async def test_a_proof_that_cannot_run_leaves_what_served(standing: p.Stack, image: Image) -> None:
    proof = p.Proof(image="localhost:5000/no-such-image:1")
    outcome = await deploy(standing, image("two"), proof)
    assert (outcome.ok, outcome.status, outcome.reason, outcome.intact) == (False, "failed", "missing", True)
    assert "no-such-image" in outcome.message
    assert [stage.name for stage in outcome.stages if not stage.ok] == ["prove"]
    assert (outcome.stages[-1].name, outcome.before.version) == ("recover", "one")
    await assert_nothing_changed(standing)


async def test_a_port_that_is_taken_is_refused_before_anything_changes(standing: p.Stack, image: Image) -> None:
    app = standing.app.model_copy(update={"name": "test-second"})
    second = standing.model_copy(update={"app": app})
    outcome = await deploy(second, image("one"))
    assert outcome.status == "refused"
    assert str(standing.environment.edge.port) in outcome.message
    assert (await described(second)).services == {}


async def test_a_release_that_misbehaves_is_switched_back(standing: p.Stack, image: Image, traffic: Traffic) -> None:
    with traffic(standing) as seen:
        outcome = await deploy(standing, image("bad"), PASSES)
    assert (outcome.ok, outcome.status) == (False, "switched-back")
    assert outcome.verdict is not None
    assert outcome.verdict.outcome == "fail"
    assert set(seen) <= {"200 one", "200 bad", "500 bad"}, seen
    await assert_nothing_changed(standing)


@pytest.mark.full
async def test_two_deploys_at_once_do_not_meet(standing: p.Stack, image: Image) -> None:
    slow = p.Proof(image="busybox:1", command=("sh", "-c", "sleep 3; exit 1"))
    first = asyncio.create_task(deploy(standing, image("two"), slow))
    await until_there(standing, "lock")
    second = await answer(wanted(standing, image("two"), patience=0))
    assert isinstance(second, p.Failed)
    assert second.reason == "locked"
    assert "tests since" in second.message
    assert (await first).status == "unproven"


@pytest.mark.full
async def test_a_deploy_whose_lock_is_taken_away_stops(standing: p.Stack, image: Image) -> None:
    proof = p.Proof(image="busybox:1", command=("sleep", "30"))
    running = asyncio.create_task(deploy(standing, image("two"), proof))
    await until_there(standing, "intent")
    refused = await answer(p.Unlock(stack=standing))
    assert isinstance(refused, p.Failed)
    assert "--force" in refused.message
    assert (await answer(p.Unlock(stack=standing, force=True))).ok
    outcome = await asyncio.wait_for(running, 20)
    assert (outcome.status, outcome.reason, outcome.intact) == ("failed", "locked", False)
    assert (await answer(p.Recover(stack=standing))).ok
    await assert_nothing_changed(standing)


@pytest.mark.full
async def test_a_deploy_that_is_interrupted_opens_its_lock(standing: p.Stack, image: Image) -> None:
    running = asyncio.create_task(answer(wanted(standing, image("two"))))
    await until_there(standing, "intent")
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert (await described(standing)).lock == ""
    assert (await answer(p.Recover(stack=standing))).ok
    await assert_nothing_changed(standing)


@pytest.mark.full
@pytest.mark.parametrize("stage", ["preflight", "candidate", "switch"])
async def test_the_next_deploy_puts_right_what_a_killed_one_left(
    stack: p.Stack, image: Image, traffic: Traffic, stage: str
) -> None:
    await deploy(stack, image("one"))
    with traffic(stack) as seen:
        await asyncio.to_thread(killed_after, stage, wanted(stack, image("two")))
        outcome = await deploy(stack, image("two"), PASSES)
    assert outcome.status == "deployed"
    assert set(seen) == {"200 one", "200 two"}, seen
    assert outcome.recovered == ("undone" if stage != "preflight" else "")
    assert "no sign of life" in outcome.took_over
    assert outcome.before.image == image("one")
    state = await described(stack)
    assert (state.intent, state.lock) == ("", "")
    assert len(state.releases) == 2
