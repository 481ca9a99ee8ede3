"""A deploy and a rollback: the order of the stages, and what each ending leaves."""

import asyncio

import pytest

from ci.ledger.errors import RefusedError
from ci.outcome import Outcome
from tests.delivery.process import Fault, Process
from tests.delivery.world import Result, World, image_of
from tests.targets.memory import Behaviour


def stages(result: Result) -> list[str]:
    return [stage.name for stage in result.ended.stages]


def serving(world: World, environment: str = "dev") -> str:
    """Return the version that users reach; empty: none."""
    memory = world.stacks[environment]
    return memory.releases[memory.routed].version if memory.routed else ""


def count_of(result: Result, call: str, nth: int = 1) -> int:
    """Return the number of a run's nth call of a name."""
    return [number for number, name in enumerate(result.process.calls, 1) if name == call][nth - 1]


async def find_call(call: str, nth: int = 1) -> int:
    """Return the number of a call in an undisturbed deploy of good-2 over good-1."""
    world = World()
    await world.release("dev", "good-1")
    return count_of(await world.release("dev", "good-2"), call, nth)


async def test_deploy_runs_its_stages_in_order(world: World) -> None:
    result = await world.release("dev", "good-1")
    assert stages(result) == ["lock", "preflight", "candidate", "test", "policy", "switch", "verify", "retire"]
    report = result.ended
    assert (report.outcome, report.ok, report.intact, report.unrecorded) == (Outcome.SUCCEEDED, True, True, "")
    assert (report.version, report.by, report.address) == ("good-1", "lead", "http://localhost:8082")
    assert serving(world) == "good-1"


async def test_deploy_keeps_the_previous_release_and_removes_older_ones(world: World) -> None:
    for version in ("good-1", "good-2", "good-3"):
        await world.release("dev", version)
    assert {release.version for release in world.stacks["dev"].releases.values()} == {"good-2", "good-3"}
    assert serving(world) == "good-3"


async def test_deploy_of_the_current_release_changes_nothing(world: World) -> None:
    await world.release("dev", "good-1")
    again = await world.release("dev", "good-1")
    assert (again.ended.outcome, again.ended.message) == (
        Outcome.UNCHANGED,
        f"{world.stacks['dev'].routed} serves already",
    )
    assert "route" not in again.process.calls
    assert "read_metrics" not in again.process.calls


async def test_deploy_of_an_inconclusive_current_release_verifies_it(world: World) -> None:
    await world.release("dev", "quiet")
    assert (await world.release("dev", "quiet")).ended.outcome is Outcome.INCONCLUSIVE
    for release in world.stacks["dev"].releases.values():
        release.behaviour = Behaviour()
    assert (await world.release("dev", "quiet")).ended.outcome is Outcome.SUCCEEDED


async def test_preflight_refuses_a_missing_image_before_anything_changes(world: World) -> None:
    await world.build("good-1")
    world.stacks["dev"].behaviours[image_of("good-1")] = Behaviour(exists=False)
    result = await world.deliver("dev", "good-1")
    assert (result.ended.outcome, stages(result)) == (Outcome.REFUSED, ["lock", "preflight"])
    assert "cannot be pulled" in result.ended.message
    assert not {"prepare_candidate", "write_intent", "start_release"} & set(result.process.calls)


async def test_candidate_that_never_gets_healthy_is_removed(world: World) -> None:
    await world.release("dev", "good-1")
    result = await world.release("dev", "sick")
    assert (result.ended.outcome, stages(result)) == (Outcome.FAILED, ["lock", "preflight", "candidate"])
    assert result.ended.logs == "health check: 503"
    assert serving(world) == "good-1"
    assert len(world.stacks["dev"].releases) == 1
    assert world.stacks["dev"].intent is None


async def test_candidate_whose_tests_fail_is_removed(world: World) -> None:
    await world.release("dev", "good-1")
    result = await world.release("dev", "failing")
    assert (result.ended.outcome, stages(result)[-1]) == (Outcome.FAILED, "test")
    assert result.ended.tests is not None
    assert result.ended.tests.exit_code == 1
    # What the candidate wrote last would be gone with it.
    assert (result.ended.logs, result.ended.seen) == (f"the last lines of {result.ended.release}", "")
    assert serving(world) == "good-1"
    assert len(world.stacks["dev"].releases) == 1


@pytest.mark.parametrize("version", ["sick", "failing", "fading", "bad", "dying"])
async def test_failed_candidate_is_kept_without_traffic_for_a_while(world: World, version: str) -> None:
    await world.release("dev", "good-1")
    result = await world.release("dev", version, keep_failed=1800)
    stack = world.stacks["dev"]
    assert not result.ended.ok
    assert serving(world) == "good-1"
    assert {found.version for found in stack.releases.values()} == {"good-1", version}
    assert stack.intent is None
    (kept,) = [found.name for found in stack.releases.values() if found.version == version]
    assert result.ended.shell_beside.endswith(f"beside {kept}")
    # The next delivery leaves the failed release, until its time is over.
    await world.release("dev", "good-2")
    assert kept in stack.releases
    await asyncio.sleep(1800)
    await world.release("dev", "good-3")
    assert kept not in stack.releases


async def test_denied_candidate_is_not_kept(world: World) -> None:
    await world.release("production", "good-1")
    await world.build("good-2")
    await world.state("approve", "good-2", "lead", "stakeholder")

    async def deny() -> None:
        await asyncio.sleep(4)
        await world.state("deny", "good-2", "stakeholder")

    result, _ = await asyncio.gather(world.deliver("production", "good-2", keep_failed=1800), deny())
    assert result.ended.outcome is Outcome.REFUSED
    assert len(world.stacks["production"].releases) == 1


async def test_kept_release_that_succeeds_later_is_kept_no_longer(world: World) -> None:
    await world.release("dev", "good-1")
    await world.release("dev", "failing", keep_failed=1800)
    stack = world.stacks["dev"]
    (kept,) = [found for found in stack.releases.values() if found.version == "failing"]
    await world.deliver("dev", "failing")
    assert kept.name not in stack.releases


async def test_candidate_that_falls_ill_during_its_tests_is_never_switched_to(world: World) -> None:
    await world.release("dev", "good-1")
    result = await world.release("dev", "fading")
    assert result.ended.outcome is Outcome.FAILED
    assert stages(result)[-2:] == ["switch", "recover"]
    assert "route" in result.process.calls
    assert serving(world) == "good-1"
    assert len(world.stacks["dev"].releases) == 1


async def test_denial_during_the_tests_stops_the_deploy(world: World) -> None:
    await world.release("production", "good-1")
    await world.build("good-2")
    await world.state("approve", "good-2", "lead", "stakeholder")

    async def deny() -> None:
        await asyncio.sleep(4)
        await world.state("deny", "good-2", "stakeholder")

    result, _ = await asyncio.gather(world.deliver("production", "good-2"), deny())
    assert (result.ended.outcome, stages(result)[-1]) == (Outcome.REFUSED, "policy")
    assert "denied by stakeholder" in result.ended.message
    assert serving(world, "production") == "good-1"
    assert len(world.stacks["production"].releases) == 1


@pytest.mark.parametrize("version", ["bad", "dying"])
async def test_release_that_fails_its_verification_is_rolled_back(world: World, version: str) -> None:
    await world.release("dev", "good-1")
    result = await world.release("dev", version)
    assert (result.ended.outcome, result.ended.ok) == (Outcome.ROLLED_BACK, False)
    assert result.ended.logs
    assert stages(result)[-2:] == ["verify", "switch back"]
    assert result.ended.verdict is not None
    assert result.ended.verdict.outcome == "fail"
    assert serving(world) == "good-1"
    assert len(world.stacks["dev"].releases) == 1


async def test_first_release_that_fails_its_verification_leaves_nothing_serving(world: World) -> None:
    assert (await world.release("dev", "bad")).ended.outcome is Outcome.ROLLED_BACK
    assert world.stacks["dev"].routed == ""
    assert world.stacks["dev"].releases == {}


async def test_inconclusive_release_stays(world: World) -> None:
    await world.release("dev", "good-1")
    result = await world.release("dev", "quiet")
    assert (result.ended.outcome, result.ended.ok) == (Outcome.INCONCLUSIVE, True)
    assert serving(world) == "quiet"


async def test_restore_of_a_named_version_takes_it_although_it_is_inconclusive(world: World) -> None:
    await world.release("dev", "good-1")
    await world.release("dev", "quiet")
    # `secrets rotate` names the current version: without one, a restore chooses the newest verified release.
    assert (await world.deliver("dev", "quiet", action="restore")).ended.ok
    assert serving(world) == "quiet"
    assert (await world.deliver("dev", action="restore")).ended.version == "good-1"


async def test_target_that_is_lost_before_the_switch_keeps_the_current_release(world: World) -> None:
    await world.release("dev", "good-1")
    result = await world.release("dev", "good-2", fault=Fault("cut off", await find_call("route")))
    assert result.report is not None
    assert (result.report.outcome, result.report.reason, result.report.intact) == (
        Outcome.FAILED,
        "unreachable",
        False,
    )
    assert serving(world) == "good-1"
    await asyncio.sleep(15)
    after = await world.release("dev", "good-3")
    assert (after.ended.outcome, after.ended.recovered, after.ended.previous.version) == (
        Outcome.SUCCEEDED,
        "undone",
        "good-1",
    )


async def test_target_that_is_lost_after_the_switch_is_switched_back_by_the_next_deploy(world: World) -> None:
    await world.release("dev", "good-1")
    result = await world.release("dev", "good-2", fault=Fault("cut off", await find_call("read_metrics", 2)))
    assert (result.ended.outcome, result.ended.intact) == (Outcome.FAILED, False)
    assert serving(world) == "good-2"
    await asyncio.sleep(15)
    after = await world.release("dev", "good-3")
    assert (after.ended.recovered, after.ended.previous.version) == ("undone", "good-1")


async def test_ledger_that_is_lost_at_the_end_is_said_in_the_report(world: World) -> None:
    await world.release("dev", "good-1")
    result = await world.release("dev", "good-2", fault=Fault("lost", await find_call("put_manifest", 2)))
    assert result.ended.outcome is Outcome.SUCCEEDED
    assert "put_manifest" in result.ended.unrecorded
    assert serving(world) == "good-2"


async def test_rollback_to_a_kept_release_moves_the_edge_alone(world: World) -> None:
    await world.release("dev", "good-1")
    await world.release("dev", "good-2")
    result = await world.deliver("dev", action="rollback")
    assert (result.ended.outcome, result.ended.version, result.ended.kept) == (Outcome.SUCCEEDED, "good-1", True)
    assert stages(result) == ["lock", "switch", "probe", "retire"]
    assert not {"check", "start_release", "run_tests"} & set(result.process.calls)
    assert serving(world) == "good-1"


async def test_rollback_to_a_release_that_is_gone_deploys_it(world: World) -> None:
    for version in ("good-1", "good-2", "good-3"):
        await world.release("dev", version)
    result = await world.deliver("dev", "good-1", action="rollback")
    assert (result.ended.outcome, result.ended.kept) == (Outcome.SUCCEEDED, False)
    assert stages(result)[1:5] == ["preflight", "candidate", "test", "policy"]


async def test_rollback_to_the_current_release_changes_nothing(world: World) -> None:
    await world.release("dev", "good-1")
    result = await world.deliver("dev", "good-1", action="rollback")
    assert (result.ended.outcome, result.ended.kept) == (Outcome.UNCHANGED, True)
    assert "route" not in result.process.calls


async def test_unapproved_version_is_refused_without_a_look_at_the_target(world: World) -> None:
    await world.build("good-1")
    await world.state("approve", "good-1", "lead")
    result = await world.deliver("production", "good-1")
    assert isinstance(result.error, RefusedError)
    assert result.process.calls == ["tags"]


async def test_process_of_a_test_remembers_its_calls() -> None:
    process = Process(lambda *_: None)
    await World().target("dev", process).read_state()
    assert process.calls == ["read_state"]


async def test_switch_back_leaves_no_release_without_a_role(world: World) -> None:
    for version in ("good-1", "good-2", "bad"):
        await world.release("dev", version)
    assert serving(world) == "good-2"
    assert {release.version for release in world.stacks["dev"].releases.values()} == {"good-2"}
