"""A whole deploy on a real Swarm: how each outcome looks, and what the environment is left like."""

import asyncio
import shlex
from collections import Counter
from collections.abc import Callable
from contextlib import AbstractContextManager

import pytest

from ci.agent.protocol.requests import UnlockEnvironment
from ci.agent.protocol.responses import Done
from ci.delivery.budget import time_budget
from ci.outcome import Outcome
from ci.stages.deliver import render_failure
from ci.targets.target import ReleaseRef
from tests.agents import Agent, Images, deploy_request
from tests.machine import a_free_port, docker
from tests.registries import a_stoppable_registry

Traffic = Callable[[Agent], AbstractContextManager[Counter[str]]]

KILLS = 'wget -q -O - "$BASE_URL/exit"; echo wget: bad address; exit 1'
PASSES = 'wget -q -O - "$BASE_URL/" && echo " answered"'
FAILS = "echo 3 tests failed; exit 3"


async def until_written(agent: Agent, what: str) -> None:
    """Wait until a deploy that runs meanwhile wrote its lock or its intent."""
    while not getattr(await agent.state(), what):
        await asyncio.sleep(0.1)


async def assert_nothing_changed(agent: Agent) -> None:
    state = await agent.state()
    assert (state.intent, state.lock) == (None, None)
    assert [release.role for release in state.releases] == ["current"]
    assert agent.serving() == "one"


async def test_service_is_deployed_replaced_and_left_unchanged(agent: Agent, images: Images, traffic: Traffic) -> None:
    tests = images.tests(PASSES)
    first = await agent.deploy("1", images.service("one"), tests)
    assert (first.outcome, first.address) == (Outcome.SUCCEEDED, agent.stack.environment.address)
    names = ["lock", "preflight", "candidate", "test", "policy", "switch", "verify", "retire"]
    assert [stage.name for stage in first.stages] == names
    assert first.tests is not None
    assert first.tests.output == "one answered"
    assert (first.previous, first.recovered, first.took_over) == (ReleaseRef(), "", "")

    again = await agent.deploy("1", images.service("one"), tests)
    assert (again.outcome, again.release) == (Outcome.UNCHANGED, first.release)

    with traffic(agent) as seen:
        second = await agent.deploy("2", images.service("two"), tests)
    assert second.outcome == Outcome.SUCCEEDED
    assert (second.previous.release, second.previous.version) == (first.release, "1")
    assert second.previous.digest == images.service("one").partition("@")[2]
    assert set(seen) == {"200 one", "200 two"}, seen
    state = await agent.state()
    assert (state.current.image, state.previous, state.is_healthy) == (images.service("two"), second.previous, True)
    assert {release.role: release.release for release in state.releases} == {
        "current": second.release,
        "previous": first.release,
    }
    assert (state.intent, state.lock) == (None, None)


async def test_failed_tests_leave_current_release_serving(serving: Agent, images: Images, traffic: Traffic) -> None:
    with traffic(serving) as seen:
        report = await serving.deploy("fails", images.service("two"), images.tests(FAILS))
    assert (report.ok, report.outcome) == (False, Outcome.FAILED)
    assert report.tests is not None
    assert (report.tests.exit_code, report.tests.output) == (3, "3 tests failed")
    assert "the tests of web-" in report.message
    assert report.message.endswith("failed: exit code 3")
    assert set(seen) == {"200 one"}, seen
    await assert_nothing_changed(serving)


async def test_candidate_that_ends_during_its_tests_shows_its_last_lines(serving: Agent, images: Images) -> None:
    report = await serving.deploy("killed", images.service("killed"), images.tests(KILLS))
    assert (report.ok, report.outcome) == (False, Outcome.FAILED)
    assert "a replica ended: non-zero exit (3)" in report.message
    assert "the last words of this replica" in report.logs
    story = render_failure(serving.settings, report)
    assert "the last words of this replica" in story
    assert "/etc/resolv.conf" not in story
    await assert_nothing_changed(serving)


async def test_failed_candidate_is_kept_without_traffic(serving: Agent, images: Images, traffic: Traffic) -> None:
    request = deploy_request("kept", images.service("kept"), images.tests(FAILS)).model_copy(
        update={"keep_failed": 600}
    )
    with traffic(serving) as seen:
        report = await serving.deliver(request)
        assert "is kept without traffic for 10 minutes" in report.message
        words = [word for word in shlex.split(report.shell_beside) if word not in {"--interactive", "--tty"}]
        # The test image with a shell, on the release's network.
        assert docker(*words[1:], "-c", 'wget -q -O - "$BASE_URL/"') == "kept"
    assert set(seen) == {"200 one"}, seen
    state = await serving.state()
    assert {found.role for found in state.releases} == {"current", "candidate"}
    assert (state.intent, state.lock) == (None, None)
    async with serving.target() as target:
        await target.remove_release(report.release)


async def test_candidate_that_cannot_start_leaves_current_release_serving(serving: Agent, images: Images) -> None:
    report = await serving.deploy("crash", images.service("crash"), images.tests(PASSES))
    assert (report.ok, report.outcome, report.tests) == (False, Outcome.FAILED, None)
    assert "did not get healthy and was removed" in report.message
    assert "this build cannot start" in report.logs
    await assert_nothing_changed(serving)


@pytest.mark.full
async def test_tests_that_cannot_run_leave_current_release_serving(serving: Agent, images: Images) -> None:
    missing = f"localhost:5000/no-such-image@sha256:{'0' * 64}"
    report = await serving.deploy("untestable", images.service("two"), missing)
    assert (report.ok, report.outcome, report.intact) == (False, Outcome.FAILED, True)
    assert report.reason
    assert "no-such-image" in report.message
    assert [stage.name for stage in report.stages if not stage.ok] == ["test"]
    assert (report.stages[-1].name, report.previous.version) == ("recover", "one")
    await assert_nothing_changed(serving)


async def test_taken_port_is_refused_before_anything_changes(serving: Agent, images: Images) -> None:
    other = serving.changed("app.name=test-second")
    report = await other.deploy("one", images.service("one"))
    assert report.outcome == Outcome.REFUSED
    assert str(serving.stack.environment.edge.port) in report.message
    state = await other.state()
    assert (state.services, state.releases) == ({}, ())


async def test_misbehaving_release_is_switched_back(serving: Agent, images: Images, traffic: Traffic) -> None:
    with traffic(serving) as seen:
        report = await serving.deploy("bad", images.service("bad"), images.tests(PASSES))
    assert (report.ok, report.outcome) == (False, Outcome.ROLLED_BACK)
    assert report.verdict is not None
    assert report.verdict.outcome == "fail"
    assert "of the requests failed" in report.message
    assert report.stages[-1].name == "switch back"
    assert set(seen) <= {"200 one", "200 bad", "500 bad"}, seen
    await assert_nothing_changed(serving)


@pytest.mark.full
async def test_second_deploy_waits_for_first(serving: Agent, images: Images) -> None:
    slow = deploy_request("slow", images.service("two"), images.tests("sleep 3; exit 1"))
    first = asyncio.create_task(serving.deliver(slow))
    await until_written(serving, "lock")
    held = (await serving.state()).lock
    assert held
    assert (held.lock.until - held.lock.since).total_seconds() > time_budget(serving.stack.environment)
    second = await serving.fail(deploy_request("other", images.service("two"), patience=0))
    assert second.reason == "locked"
    assert "anonymous since" in second.message
    assert (await first).outcome == Outcome.FAILED
    # With patience, the second one is let in as soon as the first one ends.
    third, fourth = await asyncio.gather(serving.deliver(slow), serving.deliver(slow))
    assert (third.outcome, fourth.outcome) == (Outcome.FAILED, Outcome.FAILED)
    await assert_nothing_changed(serving)


@pytest.mark.full
async def test_deploy_whose_lock_is_taken_away_stops(serving: Agent, images: Images) -> None:
    running = asyncio.create_task(serving.deploy("sleeps", images.service("two"), images.tests("sleep 30")))
    await until_written(serving, "intent")
    refused = await serving.fail(UnlockEnvironment(environment="dev"))
    assert "--force" in refused.message
    await serving.ask(Done, UnlockEnvironment(environment="dev", force=True))
    report = await asyncio.wait_for(running, 20)
    assert (report.outcome, report.reason, report.intact) == (Outcome.FAILED, "locked", False)
    again = await serving.deploy("one", images.service("one"))
    assert (again.outcome, again.recovered) == (Outcome.UNCHANGED, "undone")
    await assert_nothing_changed(serving)


@pytest.mark.full
async def test_interrupted_deploy_releases_its_lock(serving: Agent, images: Images) -> None:
    running = asyncio.create_task(serving.deploy("interrupted", images.service("two")))
    await until_written(serving, "intent")
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert (await serving.state()).lock is None
    again = await serving.deploy("one", images.service("one"))
    assert (again.outcome, again.recovered) == (Outcome.UNCHANGED, "undone")
    await assert_nothing_changed(serving)


@pytest.mark.full
async def test_deploy_that_outlasts_its_time_budget_is_undone(
    serving: Agent, images: Images, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ci.delivery.deliver.time_budget", lambda _: 12)
    report = await serving.deploy("endless", images.service("two"), images.tests("sleep 60"))
    assert (report.outcome, report.reason, report.intact) == (Outcome.FAILED, "timeout", True)
    await assert_nothing_changed(serving)


@pytest.mark.full
async def test_deploy_repairs_an_edge_that_routes_elsewhere(serving: Agent, images: Images) -> None:
    async with serving.target() as target:
        await target.route("")
        assert serving.fetch().status_code == 503
    report = await serving.deploy("one", images.service("one"))
    assert report.outcome == Outcome.UNCHANGED
    await assert_nothing_changed(serving)


@pytest.mark.full
async def test_deploy_whose_ledger_is_lost_before_the_switch_is_undone(agent: Agent, images: Images) -> None:
    with a_stoppable_registry(a_free_port()) as registry:
        # The service's images are in the usual registry; the ledger is in the one that ends.
        lonely = agent.changed(f"registry.repository=localhost:{registry.port}/{agent.settings.app.name}")
        assert (await lonely.deploy("one", images.service("one"))).ok
        running = asyncio.create_task(lonely.deploy("two", images.service("two"), images.tests("sleep 5")))
        await until_written(lonely, "intent")
        registry.kill()
        report = await asyncio.wait_for(running, 60)
        assert (report.ok, report.outcome) == (False, Outcome.FAILED)
        assert "policy cannot be checked before the switch" in report.message
        assert report.unrecorded
        await assert_nothing_changed(lonely)
        registry.start()
        again = await lonely.deploy("one", images.service("one"))
        assert (again.outcome, again.recovered) == (Outcome.UNCHANGED, "")
