"""A deploy that ends in its middle, by Ctrl-C or by kill -9: nothing is left that hinders the next deploy."""

import json
import signal
import sqlite3
import subprocess
import threading

import pytest

from tests.machine import docker

from .conftest import Project, Serving, Traffic, interrupt

# Lines of the progress: the stages before the target run, and the agent has started a candidate.
IN_THE_STAGES = "python -m pytest"
AT_THE_TARGET = "candidate: "


def deploying_until(project: Project, line: str) -> subprocess.Popen[str]:
    """Start a deploy, and return when it shows a line; later lines are read and forgotten."""
    process = project.start("--progress=plain", "deploy", "--env=dev")
    assert process.stderr
    seen: list[str] = []
    for shown in process.stderr:
        seen.append(shown)
        if line in shown:
            return process
    raise AssertionError("".join(seen))


def left_behind(project: Project) -> list[str]:
    """Return the containers and volumes of sessions of the tests' cache: none of them runs now."""
    with sqlite3.connect(f"{project.environ['SLIPWAY_CACHE']}/store.db") as store:
        (row,) = store.execute("SELECT value FROM facts WHERE kind = 'name'").fetchone()
        kept = {name for (text,) in store.execute("SELECT volumes FROM steps") for name in json.loads(text).values()}
    ours = f"label=slipway.engine={json.loads(row)}"
    form = '{{.Names}} {{.Label "slipway.session"}}'
    found = docker("container", "ls", "--all", "--filter", ours, "--format", form).splitlines()
    found += docker("volume", "ls", "--filter", ours, "--format", form.replace("Names", "Name")).splitlines()
    return [line for line in found if len(line.split()) > 1 and line.split()[0] not in kept]


@pytest.mark.parametrize("line", [IN_THE_STAGES, pytest.param(AT_THE_TARGET, marks=pytest.mark.full)])
def test_next_deploy_works_after_a_kill(serving: Serving, project: Project, traffic: Traffic, line: str) -> None:
    before = serving.project.version()
    project.add("service/src/greeter/__init__.py", f"\nKILLED = {len(line)}\n")
    with traffic() as seen:
        process = deploying_until(project, line)
        process.kill()
        process.communicate(timeout=30)
        deployed = project.deploy()
    assert deployed["outcome"] == "succeeded"
    assert set(seen) == {f"200 {before}", f"200 {deployed['version']}"}, seen
    assert left_behind(project) == []
    state = project.state()
    assert (state.intent, state.lock) == (None, None)
    assert {release.role for release in state.releases} == {"current", "previous"}


@pytest.mark.parametrize("line", [IN_THE_STAGES, pytest.param(AT_THE_TARGET, marks=pytest.mark.full)])
def test_ctrl_c_leaves_nothing(serving: Serving, project: Project, line: str) -> None:
    before = serving.project.version()
    project.add("service/src/greeter/__init__.py", f"\nINTERRUPTED = {len(line)}\n")
    outcome = interrupt(deploying_until(project, line), signal.SIGINT)
    assert outcome.status == 130
    assert outcome.err.splitlines()[-1] == "Canceled."
    assert left_behind(project) == []
    assert serving.project.version() == before


@pytest.mark.full
def test_two_commands_share_one_cache(project: Project) -> None:
    project.add("service/src/greeter/__init__.py", "\nSHARED = True\n")
    outcomes = []
    threads = [
        threading.Thread(target=lambda: outcomes.append(project.ci("build", "image-ref"))),
        threading.Thread(target=lambda: outcomes.append(project.ci("test", "tests"))),
        threading.Thread(target=lambda: outcomes.append(project.ci("test", "tests"))),
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcome.out.strip() for outcome in outcomes if outcome.out.strip() == "3") == ["3", "3"], outcomes
    assert left_behind(project) == []
