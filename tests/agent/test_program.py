"""The program in both ways it runs: as a step of the pipeline, and behind an ssh forced command.

Both get the same requests, against a real target: as a step, the command line shows the request's words, and
SLIPWAY_HOME names the home; behind ssh, the host's key names the command, and the home is the host's own.
"""

import asyncio
import json
import os
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any, TypeVar

import pytest

from ci.agent.home import DOCKER, RULES, SECRET
from ci.agent.protocol import requests as r
from ci.agent.protocol.responses import (
    BuildRecorded,
    Delivered,
    Done,
    Failed,
    LedgerView,
    Refused,
    Response,
    Secrets,
    Status,
    Tested,
    Verified,
    read_response,
)
from ci.outcome import Outcome
from tests.agents import Agent, Images, delivery, deploy_request, new_agent, new_images
from tests.machine import ensure_swarm
from tests.ssh import a_shell

REPOSITORY = Path(__file__).parents[2]
PROGRAM = [sys.executable, "-m", "ci.agent"]
STATUS = r.ReadStatus(environment="dev")
T = TypeVar("T", bound=Response)

Ended = subprocess.CompletedProcess[str]
# Runs the program with words on the command line and a text on standard input.
Run = Callable[[tuple[str, ...], str], Awaitable[Ended]]


@pytest.fixture(scope="module")
def images() -> Iterator[Images]:
    """The images of this module."""
    with new_images() as made:
        yield made


@pytest.fixture
def agent(tmp_path: Path) -> Iterator[Agent]:
    """An agent whose home has the socket of a real target."""
    ensure_swarm()
    made = new_agent(tmp_path)
    (made.home / DOCKER).symlink_to("/var/run/docker.sock")
    yield made
    asyncio.run(made.remove())


def as_step(agent: Agent) -> Run:
    """Run the program as a step does."""
    environment = {"PATH": os.environ["PATH"], "SLIPWAY_HOME": str(agent.home)}

    async def run(words: tuple[str, ...], text: str) -> Ended:
        return await asyncio.to_thread(execute, [*PROGRAM, *words], text, environment)

    return run


def behind_ssh(config: str) -> Run:
    """Send a request over ssh; the words are the client's, and not the program's."""

    async def run(words: tuple[str, ...], text: str) -> Ended:
        return await asyncio.to_thread(execute, ["ssh", "-F", config, "target", *words], text, dict(os.environ))

    return run


def execute(command: list[str], text: str, environment: dict[str, str]) -> Ended:
    return subprocess.run(
        command, input=text, capture_output=True, text=True, check=False, env=environment, cwd=REPOSITORY
    )


@pytest.fixture(params=["step", "ssh"])
async def run(request: pytest.FixtureRequest, agent: Agent, tmp_path: Path) -> AsyncIterator[Run]:
    """The program, in both ways."""
    if request.param == "step":
        yield as_step(agent)
        return
    keys = tmp_path / "ssh"
    keys.mkdir()
    environment = {"PATH": os.environ["PATH"], "SLIPWAY_HOME": str(agent.home)}
    async with a_shell(keys, forced=" ".join(PROGRAM), env=environment, cwd=str(REPOSITORY)) as config:
        yield behind_ssh(config)


async def ask(run: Run, expected: type[T], request: r.AnyRequest) -> T:
    """Send a request with its own words, and return the response, which is of the expected kind."""
    done = await run(request.arguments, request.model_dump_json())
    assert done.returncode == 0, done
    response = read_response(done.stdout, expected)
    assert isinstance(response, expected), response
    return response


async def test_requests_are_answered_in_both_ways(agent: Agent, images: Images, run: Run) -> None:
    empty = await ask(run, Status, STATUS)
    assert (empty.ok, empty.message) == (False, "nothing serves here")

    request = deploy_request("1.0", images.service("one"), images.tests("echo passed"))
    assert request.build
    record = r.RecordBuild(**request.build.model_dump())
    assert not (await ask(run, BuildRecorded, record)).existing
    assert (await ask(run, BuildRecorded, record)).existing

    refused = await ask(run, Refused, delivery("rollback", "0.9"))
    assert "0.9 never served here" in refused.message
    (agent.home / SECRET).write_text("hidden value")
    message = (await ask(run, Done, r.SetSecret(environment="dev", name="api-key"))).message
    assert message.startswith("api-key has its value number 1")

    done = await run(request.arguments, request.model_dump_json())
    delivered = read_response(done.stdout, Delivered)
    assert isinstance(delivered, Delivered), done
    assert delivered.delivery.outcome == Outcome.SUCCEEDED
    # Progress is a line for each stage, on standard error alone.
    for name in (stage.name for stage in delivered.delivery.stages):
        assert f"\n{name}: " in f"\n{done.stderr}"
    assert agent.serving() == "one"

    assert (await ask(run, Status, STATUS)).state.current.version == "1.0"
    assert (await ask(run, Tested, r.RunTests(environment="dev"))).tests.output == "passed"
    assert (await ask(run, Verified, r.Verify(environment="dev"))).verdict.outcome == "pass"
    history = (await ask(run, LedgerView, r.ReadLedger(view="history"))).history
    assert history
    assert not (await ask(run, LedgerView, r.ReadLedger(view="history"))).problems

    lock = r.LockEnvironment(environment="dev", by="lead", reason="accounts", seconds=60)
    assert (await ask(run, Done, lock)).message == "locked by lead"
    locked = await ask(run, Failed, delivery("rollback", "1.0", patience=0))
    assert (locked.where, locked.reason) == ("target", "locked")
    assert "locked by lead" in (await ask(run, Done, r.UnlockEnvironment(environment="dev"))).message

    listed = await run((), r.ListSecrets(environment="dev").model_dump_json())
    secrets = read_response(listed.stdout, Secrets)
    assert isinstance(secrets, Secrets)
    assert [secret.name for secret in secrets.secrets] == ["api-key"]
    assert "hidden value" not in str([done, listed, message])


@pytest.mark.parametrize("text", ["", "no JSON", "[]", '{"request": "obey"}', '{"request": "status"}'])
async def test_other_input_ends_with_2_in_both_ways(run: Run, text: str) -> None:
    done = await run((), text)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("slipway-agent: standard input is no request: ")


@pytest.mark.parametrize(
    "extra",
    [
        {"settings": {}},
        {"rules": {}},
        {"access": {"socket": "/var/run/docker.sock"}},
        {"home": "/tmp"},  # noqa: S108 - nothing is written there
        {"key_file": "/root/.ssh/id_ed25519"},
    ],
)
async def test_request_with_a_rule_or_a_path_ends_with_2_in_both_ways(run: Run, extra: dict[str, Any]) -> None:
    done = await run((), json.dumps(STATUS.model_dump() | extra))
    assert (done.returncode, done.stdout) == (2, "")
    assert f"status.{next(iter(extra))}" in done.stderr
    assert "Extra inputs are not permitted" in done.stderr


async def test_unknown_environment_fails_in_both_ways(run: Run) -> None:
    for request in (r.ReadStatus(environment="nowhere"), r.Deliver(environment="nowhere", version="1")):
        failed = await ask(run, Failed, request)
        assert (failed.where, failed.reason) == ("request", "invalid")
        assert "environments.nowhere: no such environment; there are dev" in failed.message


async def test_missing_and_broken_rules_fail_in_both_ways(agent: Agent, run: Run) -> None:
    (agent.home / RULES).write_text("{}")
    broken = await ask(run, Failed, STATUS)
    assert (broken.where, broken.message) == ("home", f"{agent.home}/{RULES}: settings: Field required")
    (agent.home / RULES).unlink()
    missing = await ask(run, Failed, STATUS)
    assert missing.message == f"{agent.home}/{RULES}: cannot read the agent's rules: No such file or directory"


async def test_silent_target_fails_in_both_ways(agent: Agent, run: Run) -> None:
    (agent.home / DOCKER).unlink()
    (agent.home / DOCKER).write_text("no socket")
    failed = await ask(run, Failed, STATUS)
    assert (failed.where, failed.reason) == ("target", "unreachable")
    assert f"{agent.home}/{DOCKER}" in failed.message


@pytest.mark.parametrize("words", [("status", "production"), ("deliver", "dev"), ("status",), ("status", "dev", "x")])
async def test_arguments_of_another_request_end_with_2(agent: Agent, words: tuple[str, ...]) -> None:
    done = await as_step(agent)(words, STATUS.model_dump_json())
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == (f"slipway-agent: the command line is {' '.join(words)}, but the request is status dev\n")


async def test_response_goes_to_the_file_that_the_step_names(agent: Agent) -> None:
    file = agent.home / "response.json"
    environment = {"PATH": os.environ["PATH"], "SLIPWAY_HOME": str(agent.home), "SLIPWAY_RESPONSE": str(file)}
    done = await asyncio.to_thread(execute, PROGRAM, STATUS.model_dump_json(), environment)
    assert (done.returncode, done.stdout) == (0, "")
    assert isinstance(read_response(file.read_text(), Status), Status)


async def test_client_behind_ssh_runs_nothing_else(agent: Agent, tmp_path: Path) -> None:
    environment = {"PATH": os.environ["PATH"], "SLIPWAY_HOME": str(agent.home)}
    async with a_shell(tmp_path, forced=" ".join(PROGRAM), env=environment, cwd=str(REPOSITORY)) as config:
        for words in (("touch", str(tmp_path / "touched")), ("deliver", "dev"), ()):
            done = await behind_ssh(config)(words, STATUS.model_dump_json())
            assert isinstance(read_response(done.stdout, Status), Status)
    assert not (tmp_path / "touched").exists()


async def test_terminated_delivery_ends_with_143_and_releases_its_lock(agent: Agent, images: Images) -> None:
    # Tests that end by themselves only long after this test.
    process = agent.start(deploy_request("1.0", images.service("one"), images.tests("sleep 60")))
    end = time.monotonic() + 60
    while not (state := await agent.state()).releases:
        assert time.monotonic() < end, process.poll()
        await asyncio.sleep(0.1)
    assert state.lock
    process.terminate()
    output, progress = process.communicate(timeout=30)
    assert (process.returncode, output) == (143, ""), progress
    assert "Traceback" not in progress
    state = await agent.state()
    assert state.lock is None
    assert state.intent
    # The next command undoes what the terminated delivery began.
    lock = r.LockEnvironment(environment="dev", by="lead", reason="test", seconds=60)
    assert "is undone" in (await agent.ask(Done, lock)).message
    assert (await agent.state()).releases == ()


def test_program_needs_nothing_of_dagger() -> None:
    script = "import sys, ci.agent.__main__; print([n for n in sys.modules if n.split('.')[0] in ('dagger', 'gql')])"
    done = execute([sys.executable, "-c", script], "", {"PATH": os.environ["PATH"]})
    assert (done.returncode, done.stdout.strip()) == (0, "[]"), done.stderr
