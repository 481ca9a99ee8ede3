"""Test runs on a real Swarm: a command in a container on the stack's network."""

import pytest

from ci.agent.protocol.requests import RunTests
from ci.agent.protocol.responses import Tested
from ci.targets.target import TestResult, TestRun
from tests.agents import Agent, Images

PYTHON = "python:3.13-slim"


async def run(agent: Agent, script: str, release: str = "", **details: object) -> TestResult:
    async with agent.target() as target:
        wanted = {"image": PYTHON, "command": ("python", "-c", script), **details}
        return await target.run_tests(TestRun.model_validate(wanted), release)


async def test_tests_reach_a_release_and_the_edge(serving: Agent) -> None:
    script = (
        "import os, urllib.request as r; print(os.environ['EXTRA'], r.urlopen(os.environ['BASE_URL']).read().decode())"
    )
    for release in ((await serving.state()).current.release, ""):
        result = await run(serving, script, release, env={"EXTRA": "fine"})
        assert (result.status, result.exit_code, result.output) == ("passed", 0, "fine one"), result


async def test_failed_tests_give_their_output(serving: Agent) -> None:
    result = await run(serving, "import sys; print('before'); sys.exit('does not work')")
    assert (result.status, result.exit_code) == ("failed", 1)
    assert "before" in result.output
    assert "does not work" in result.output


async def test_endless_tests_are_ended(serving: Agent) -> None:
    result = await run(serving, "import time; print('begun', flush=True); time.sleep(60)", timeout=2)
    assert (result.status, result.exit_code, result.output) == ("timeout", -1, "begun")
    assert result.seconds < 30


@pytest.mark.full
async def test_request_runs_the_test_image_of_the_current_release(agent: Agent, images: Images) -> None:
    request = RunTests(environment="dev")
    assert "dev: nothing serves there: deploy first" in await agent.refuse(request)
    tests = images.tests('echo "$@"; wget -q -O - "$BASE_URL"')
    assert (await agent.deploy("1", images.service("one"), tests)).ok
    tested = await agent.ask(Tested, request)
    assert tested.command == ("python", "-m", "pytest", "tests/integration", "--color=no", "-q")
    assert tested.tests.output == "-m pytest tests/integration --color=no -q\none"
    assert tested.message.startswith("1 passed its tests in ")
    assert (await agent.deploy("2", images.service("two"))).ok
    assert "no test image of 2 is recorded" in await agent.refuse(request)
