"""scripts/rollback.sh, for the person on call with bash and Docker alone, and how the pipeline goes on from there."""

import asyncio
import shutil
import subprocess
from collections import Counter
from collections.abc import Callable, Coroutine
from contextlib import AbstractContextManager
from pathlib import Path

import pytest

from ci.agent.protocol.requests import LockEnvironment, UnlockEnvironment
from ci.agent.protocol.responses import Done
from ci.delivery.lock import new_lock
from ci.targets.target import Intent, TargetState
from tests.agents import Agent, Images
from tests.machine import docker
from tests.ssh import a_shell

Traffic = Callable[[Agent], AbstractContextManager[Counter[str]]]
Script = Callable[..., subprocess.CompletedProcess[str]]
RollBack = Callable[..., Coroutine[None, None, subprocess.CompletedProcess[str]]]

SCRIPT = Path(__file__).parents[2] / "scripts/rollback.sh"
TOOLS = ("bash", "docker", "sed", "grep", "date", "id", "uname", "tr", "wc", "sleep")


@pytest.fixture
def tools(tmp_path: Path) -> Path:
    """A folder with all the programs that the script may use."""
    folder = tmp_path / "bin"
    folder.mkdir()
    for tool in TOOLS:
        found = shutil.which(tool)
        assert found
        (folder / tool).symlink_to(found)
    return folder


@pytest.fixture
def script(tools: Path) -> Script:
    """Run the script as a person would, without Python."""

    def run(*arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
        command = ["/bin/bash", str(SCRIPT), *arguments]
        environment = {"PATH": str(tools), "HOME": str(tools)} | variables
        return subprocess.run(command, capture_output=True, text=True, check=False, env=environment)

    return run


def test_script_reports_no_control_character(script: Script) -> None:
    found = script("dev\x1b[2J\u202e\x9b1m", "1.0")
    assert found.returncode == 1
    assert found.stderr.startswith("rollback: there is no stack dev [2J  1m: see 'docker stack ls'")


@pytest.fixture
def both(serving: Agent, images: Images) -> Agent:
    """An environment in which the version `two` serves and `one` is kept."""
    state = asyncio.run(serving.state())
    if (state.current.version, state.previous.version) != ("two", "one"):
        for version in ("one", "two"):
            report = asyncio.run(serving.deploy(version, images.service(version)))
            assert report.ok, report
    return serving


@pytest.fixture
def roll_back(script: Script, both: Agent) -> RollBack:
    """Run the script for the environment, in a thread."""

    async def run(version: str, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
        variables = {"APP": both.settings.app.name} | variables
        return await asyncio.to_thread(script, "dev", version, *arguments, **variables)

    return run


def edge_containers(agent: Agent) -> str:
    return docker("ps", "--quiet", "--filter", f"label=com.docker.swarm.service.name={agent.stack.namespace}_edge")


def helper_containers(agent: Agent) -> str:
    return docker("ps", "--quiet", "--filter", f"label=slipway.helper={agent.stack.namespace}")


def assert_unlocked(state: TargetState) -> None:
    assert (state.intent, state.lock) == (None, None)


async def test_script_switches_and_the_pipeline_goes_on(
    both: Agent, images: Images, roll_back: RollBack, traffic: Traffic
) -> None:
    before, edge = await both.state(), edge_containers(both)
    with traffic(both) as seen:
        done = await roll_back("one")
    assert done.returncode == 0, done.stderr
    assert "(one) serves dev" in done.stderr
    assert set(seen) == {"200 one", "200 two"}, seen
    state = await both.state()
    assert (state.current.image, state.previous) == (images.service("one"), before.current)
    assert state.by_hand.endswith("scripts/rollback.sh")
    assert (state.is_healthy, state.since > before.since, state.stable) == (True, True, state.current.release)
    assert_unlocked(state)
    # A label alone restarts nothing.
    assert edge_containers(both) == edge
    assert helper_containers(both) == ""

    again = await roll_back("one")
    assert (again.returncode, "serves dev already" in again.stderr) == (0, True)
    # The pipeline goes on from there, and the note about the person is gone then.
    forth = await both.roll_back("two")
    assert (forth.kept, forth.previous, forth.recovered) == (True, state.current, "")
    assert (await both.state()).by_hand == ""
    assert both.serving() == "two"


@pytest.mark.full
async def test_release_is_found_by_its_name(both: Agent, roll_back: RollBack) -> None:
    kept = (await both.state()).previous.release
    done = await roll_back(kept)
    assert done.returncode == 0, done.stderr
    assert (await both.state()).current.release == kept


async def test_version_that_is_not_kept_is_refused(both: Agent, roll_back: RollBack) -> None:
    before = await both.state()
    refused = await roll_back("0.9")
    assert refused.returncode == 1
    assert "the target does not keep 0.9 any more" in refused.stderr
    for release in before.releases:
        assert f"{release.version} ({release.release})" in refused.stderr
    assert "ci call rollback --env dev --version 0.9" in refused.stderr
    assert await both.state() == before


def test_unknown_environment_is_refused(both: Agent, script: Script) -> None:
    refused = script("nowhere", "one", APP=both.settings.app.name)
    assert refused.returncode == 1
    assert f"there is no stack {both.settings.app.name}-nowhere" in refused.stderr


def test_silent_docker_is_refused(script: Script, tmp_path: Path) -> None:
    refused = script("dev", "one", DOCKER_HOST=f"unix://{tmp_path}/docker.sock")
    assert refused.returncode == 1
    assert f"no Docker answers at unix://{tmp_path}/docker.sock" in refused.stderr


def test_script_without_a_version_prints_its_usage(script: Script) -> None:
    usage = script("dev")
    assert usage.returncode == 2
    assert "scripts/rollback.sh ENV VERSION [ssh://user@host]" in usage.stderr


@pytest.mark.full
async def test_persons_lock_stops_the_script_but_for_force(both: Agent, roll_back: RollBack) -> None:
    lock = LockEnvironment(environment="dev", by="stakeholder", reason="the accounts are closed", seconds=600)
    await both.ask(Done, lock)
    refused = await roll_back("one")
    assert refused.returncode == 1
    assert "locked by stakeholder" in refused.stderr
    assert "the accounts are closed" in refused.stderr
    assert both.serving() == "two"
    forced = await roll_back("one", FORCE="1")
    assert forced.returncode == 0, forced.stderr
    assert both.serving() == "one"
    # The lock is the stakeholder's, and stays.
    held = (await both.state()).lock
    assert held
    assert held.lock.holder == "stakeholder"
    await both.ask(Done, UnlockEnvironment(environment="dev"))


@pytest.mark.full
async def test_lock_of_the_script_is_readable_while_it_works(both: Agent, roll_back: RollBack, tools: Path) -> None:
    # A docker that takes its time for the helper container, so that the test can look at the lock and the intent.
    docker_path = shutil.which("docker")
    (tools / "docker").unlink()
    (tools / "docker").write_text(f'#!/bin/bash\n[ "$1" != run ] || sleep 3\nexec {docker_path} "$@"\n')
    (tools / "docker").chmod(0o755)
    names = {release.version: release.release for release in (await both.state()).releases}
    running = asyncio.create_task(roll_back("one"))
    while not (state := await both.state()).intent:
        await asyncio.sleep(0.1)
    assert state.intent
    intent = (state.intent.current, state.intent.candidate, state.intent.rollback)
    assert intent == (names["two"], names["one"], True)
    assert state.lock
    assert (state.lock.lock.reason, state.lock.lock.heartbeat, state.lock.expired) == ("rollback to one", False, "")
    assert state.lock.lock.holder.endswith("scripts/rollback.sh")
    failed = await both.fail(LockEnvironment(environment="dev", by="lead", reason="test", seconds=60))
    assert "scripts/rollback.sh" in failed.message
    assert (await running).returncode == 0


@pytest.mark.full
async def test_release_that_does_not_answer_is_switched_back(both: Agent, roll_back: RollBack) -> None:
    name = f"{both.stack.namespace}_{(await both.state()).previous.release}"
    relabel = ("service", "update", "--detach", "--quiet", "--label-add")
    # The replicas answer there, but not through the edge.
    docker(*relabel, "slipway.health-path=/direct", name)
    failed = await roll_back("one")
    assert failed.returncode == 1
    assert "switching back" in failed.stderr
    assert both.serving() == "two"
    state = await both.state()
    assert (state.current.version, state.by_hand) == ("two", "")
    assert_unlocked(state)
    docker(*relabel, "slipway.health-path=/healthz", name)


@pytest.mark.full
async def test_release_without_healthy_replicas_is_refused(both: Agent, roll_back: RollBack) -> None:
    one = f"{both.stack.namespace}_{(await both.state()).previous.release}"
    docker("service", "scale", "--detach", f"{one}=0")
    refused = await roll_back("one", FORCE="1")
    docker("service", "scale", f"{one}=2")
    assert refused.returncode == 1
    assert f"See 'docker service ps {one}'" in refused.stderr
    assert both.serving() == "two"


@pytest.mark.full
async def test_script_takes_over_the_lock_of_a_dead_run_and_its_intent(
    both: Agent, images: Images, roll_back: RollBack
) -> None:
    async with both.target() as target:
        await target.acquire_lock(new_lock("author", "deploy 3", 600, heartbeat=True))
        current = (await target.read_state()).current.release
        await target.write_intent(Intent(current=current, candidate="web-that-never-came", since=""))
    done = await roll_back("one")
    assert done.returncode == 0, done.stderr
    assert "locked by author" in done.stderr
    state = await both.state()
    assert state.current.image == images.service("one")
    assert_unlocked(state)


@pytest.mark.full
async def test_script_works_over_ssh(
    both: Agent, images: Images, roll_back: RollBack, tools: Path, tmp_path: Path
) -> None:
    async with a_shell(tmp_path) as config:
        (tools / "ssh").write_text(f'#!/bin/bash\nexec {shutil.which("ssh")} -F {config} "$@"\n')
        (tools / "ssh").chmod(0o755)
        done = await roll_back("one", "ssh://target")
    assert done.returncode == 0, done.stderr
    assert (await both.state()).current.image == images.service("one")
