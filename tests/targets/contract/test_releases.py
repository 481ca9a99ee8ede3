"""Releases on a target: checked, started, tested, routed to, measured, retired."""

import asyncio
from datetime import datetime

from ci.analysis import Counters
from ci.targets.target import TestRun
from tests.targets.contract.conftest import MISSING, Subject


async def test_preflight_passes_for_an_image_of_the_registry(subject: Subject) -> None:
    assert all(check.ok for check in await subject.target.check(subject.image("one")))


async def test_preflight_names_the_image_that_cannot_be_pulled(subject: Subject) -> None:
    failed = [check for check in await subject.target.check(MISSING) if not check.ok]
    assert [check.name for check in failed] == ["image"]
    assert MISSING in failed[0].detail


async def test_preparing_a_candidate_starts_no_release(subject: Subject) -> None:
    before = await subject.target.read_state()
    candidate = await subject.target.prepare_candidate(subject.release("two"))
    after = await subject.target.read_state()
    assert candidate.exists == (before.find(candidate.release) is not None)
    assert after.releases == before.releases
    assert after.services["edge"] == 1


async def test_started_release_is_healthy_and_reached_by_no_user(subject: Subject) -> None:
    serving = await subject.serve("one")
    release = await subject.start("two")
    assert (await subject.target.check_health(release)).ok
    assert await subject.target.read_routes() == {serving}
    found = (await subject.target.read_state()).find(release)
    assert found is not None
    assert (found.role, found.version, found.image) == ("candidate", "two", subject.image("two"))
    assert found.healthy == found.replicas == 1
    assert datetime.fromisoformat(found.created).tzinfo


async def test_release_that_exists_is_started_once(subject: Subject) -> None:
    release = await subject.start("two")
    created = {found.release: found.created for found in (await subject.target.read_state()).releases}
    assert (await subject.target.prepare_candidate(subject.release("two"))).exists
    assert await subject.start("two") == release
    assert {found.release: found.created for found in (await subject.target.read_state()).releases} == created


async def test_release_of_other_features_is_another_release(subject: Subject) -> None:
    one = await subject.target.prepare_candidate(subject.release("one"))
    other = subject.release("one").model_copy(update={"features": ("search",)})
    assert (await subject.target.prepare_candidate(other)).release != one.release


async def test_release_that_crashes_is_not_healthy(subject: Subject) -> None:
    wanted = subject.release("crash")
    candidate = await subject.target.prepare_candidate(wanted)
    health = await subject.target.start_release(wanted)
    assert not health.ok
    assert "failed 3 times" in health.reason
    assert "this build cannot start" in health.logs
    await subject.target.remove_release(candidate.release)


async def test_release_that_is_sick_is_not_healthy_in_time(subject: Subject) -> None:
    wanted = subject.release("sick")
    candidate = await subject.target.prepare_candidate(wanted)
    health = await subject.target.start_release(wanted)
    assert not health.ok
    assert "not healthy after 15 s" in health.reason
    assert "503" in health.logs
    await subject.target.remove_release(candidate.release)


async def test_release_that_does_not_exist_is_not_healthy(subject: Subject) -> None:
    health = await subject.target.check_health("web-none")
    assert not health.ok
    assert "web-none" in health.reason


async def test_examined_release_shows_how_its_replicas_ended(subject: Subject) -> None:
    release = await subject.start("one")
    assert (await subject.target.examine_release(release)).ok
    missing = await subject.target.examine_release("web-none")
    assert not missing.ok
    assert "web-none" in missing.reason
    wanted = subject.release("crash")
    crashed = (await subject.target.prepare_candidate(wanted)).release
    await subject.target.start_release(wanted)
    health = await subject.target.examine_release(crashed)
    assert not health.ok
    assert "a replica ended" in health.reason
    assert "this build cannot start" in health.logs
    await subject.target.remove_release(crashed)


async def test_kept_release_is_left_by_retirement_until_its_time_is_over(subject: Subject) -> None:
    await subject.serve("one")
    release = await subject.start("two")
    await subject.target.keep_release(release, 600)
    assert (await subject.target.retire()).removed == ()
    await subject.target.keep_release(release, 0)
    await asyncio.sleep(1.1)
    assert (await subject.target.retire()).removed == (release,)
    await subject.target.keep_release(release, 600)


async def test_release_that_is_started_anew_is_no_longer_kept(subject: Subject) -> None:
    await subject.serve("one")
    release = await subject.start("two")
    await subject.target.keep_release(release, 600)
    assert await subject.start("two") == release
    assert (await subject.target.retire()).removed == (release,)


async def test_removed_release_is_gone(subject: Subject) -> None:
    release = await subject.start("two")
    await subject.target.remove_release(release)
    assert (await subject.target.read_state()).find(release) is None
    await subject.target.remove_release(release)


async def test_tests_reach_the_release_that_they_are_given(subject: Subject) -> None:
    release = await subject.start("one")
    script = "import os, urllib.request as u; print(u.urlopen(os.environ['BASE_URL'] + '/version').status)"
    run = TestRun(image=subject.image("one"), command=("python", "-c", script))
    result = await subject.target.run_tests(run, release)
    assert (result.status, result.exit_code) == ("passed", 0), result
    nobody = await subject.target.run_tests(run, "web-none")
    assert nobody.status == "failed"
    assert nobody.exit_code > 0


async def test_tests_reach_the_edge_where_no_release_is_given(subject: Subject) -> None:
    await subject.serve("one")
    script = "import os, urllib.request as u; print(u.urlopen(os.environ['BASE_URL'] + '/version').status)"
    result = await subject.target.run_tests(TestRun(image=subject.image("one"), command=("python", "-c", script)))
    assert result.status == "passed", result


async def test_tests_that_take_too_long_end(subject: Subject) -> None:
    await subject.target.prepare_candidate(subject.release("one"))
    run = TestRun(image=subject.image("one"), command=("sleep", "30"), timeout=2)
    result = await subject.target.run_tests(run)
    assert (result.status, result.exit_code) == ("timeout", -1)
    assert 2 <= result.seconds < 15


async def test_all_users_are_routed_to_one_release(subject: Subject) -> None:
    one, two = await subject.serve("one"), await subject.start("two")
    assert await subject.target.read_routes() == {one}
    await subject.target.route(two)
    assert await subject.target.read_routes() == {two}
    assert await subject.target.probe(two) == ""
    assert two in await subject.target.probe(one)


async def test_users_are_routed_to_none(subject: Subject) -> None:
    release = await subject.serve("one")
    await subject.target.route("")
    assert await subject.target.read_routes() == {""}
    assert "nothing" in await subject.target.probe(release)


async def test_routing_is_remembered(subject: Subject) -> None:
    one, two = await subject.serve("one"), await subject.start("two")
    before = await subject.target.read_state()
    await asyncio.sleep(1.1)
    await subject.target.record_routing(current=two, previous=one, stable=one)
    state = await subject.connect().read_state()
    assert (state.current.release, state.current.version, state.current.image) == (two, "two", subject.image("two"))
    assert (state.previous.release, state.stable) == (one, one)
    assert state.since > before.since
    found = {release.release: release.role for release in state.releases}
    assert (found[one], found[two]) == ("previous", "current")
    # The current release stays the same: it is current since the same moment.
    await asyncio.sleep(1.1)
    await subject.target.record_routing(current=two, previous="", stable=two)
    assert (await subject.target.read_state()).since == state.since


async def test_state_is_healthy_while_the_current_release_is(subject: Subject) -> None:
    await subject.serve("one")
    state = await subject.target.read_state()
    assert state.is_healthy
    assert state.address == subject.target.stack.environment.address
    await subject.target.record_routing(current="web-none", previous="", stable="")
    assert not (await subject.target.read_state()).is_healthy


async def test_metrics_count_the_requests_that_the_target_sends(subject: Subject) -> None:
    await subject.serve("one")
    before = (await subject.target.read_metrics()).counters
    sent = await subject.target.send_traffic(3)
    counted = (await subject.target.read_metrics()).counters.since(before)
    assert sent >= 10
    assert counted.requests >= 10
    assert counted.errors == 0


async def test_metrics_count_the_requests_that_fail(subject: Subject) -> None:
    await subject.serve("bad")
    before = (await subject.target.read_metrics()).counters
    await subject.target.send_traffic(3)
    counted: Counters = (await subject.target.read_metrics()).counters.since(before)
    assert 0.3 < counted.errors / counted.requests < 0.7


async def test_retirement_keeps_the_current_and_the_previous_release(subject: Subject) -> None:
    one, two, third = await subject.serve("one"), await subject.start("two"), await subject.start("bad")
    await subject.target.route(two)
    await subject.target.record_routing(current=two, previous=one, stable=two)
    retired = await subject.target.retire()
    assert (retired.kept, retired.removed) == (one, (third,))
    assert {release.release for release in (await subject.target.read_state()).releases} == {one, two}
