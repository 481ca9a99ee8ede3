"""The workflows on this machine: a repository of the tests' own, and everything that a run of GitHub's would find."""

import shutil
import subprocess
import sys
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from ci.settings import FILE
from tests.ledger.github.fake_github import FakeGithub, served
from tests.ledger.workspace import new_key
from tests.machine import a_free_port, ensure_swarm, gateway
from tests.workflows.runner import HERE, Done, Runner, command_named_dagger, filled, surroundings

CI = Path(sys.executable).with_name("ci")


@pytest.fixture(scope="session")
def commands(pytestconfig: pytest.Config, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder with a command called `dagger`, which runs functions on the engine that was asked for."""
    if pytestconfig.getoption("--engine") == "local":
        return command_named_dagger(tmp_path_factory.mktemp("commands") / "bin")
    found = shutil.which("dagger")
    assert found, "--engine=dagger: there is no command `dagger` on the PATH"
    return Path(found).parent


@pytest.fixture(scope="session")
def runner(tmp_path_factory: pytest.TempPathFactory, commands: Path) -> Iterator[Runner]:
    """Return a machine with a repository whose main branch has one commit, a pinned agent, and no delivery yet."""
    ensure_swarm()
    home = tmp_path_factory.mktemp("workflows")
    key, github = new_key(home / "key"), FakeGithub()
    with served(github, gateway()) as api:
        text = (HERE / FILE).read_text().replace("{name}", f"act-{uuid.uuid4().hex[:8]}").replace("{api}", api)
        for name in ("dev", "acceptance", "production"):
            text = text.replace(f"{{{name}}}", str(a_free_port()))
        filled(home / "repository", text, f'workflows namespaces="slipway" {key.with_suffix(".pub").read_text()}')
        environ = surroundings(home / "cache")
        runner = Runner(home / "repository", home / "act", commands, key, github, environ)
        runner.git("init", "--quiet", "--initial-branch=main")
        try:
            runner.pin_agent()
            runner.commit("Begin")
            yield runner
        finally:
            runner.remove()
            subprocess.run([CI, "prune", "--all"], env=environ, check=True, capture_output=True)


@pytest.fixture(scope="session")
def version(runner: Runner) -> str:
    """Return what the first commit is called."""
    return runner.git("rev-parse", "main")[:12]


@pytest.fixture(scope="session")
def on_main(runner: Runner, version: str) -> Done:  # noqa: ARG001 - the version is of the commit that is pushed
    """Push to main."""
    return runner.run("push", "ci.yml")


@pytest.fixture(scope="session")
def in_acceptance(runner: Runner, version: str, on_main: Done) -> Done:
    """Deploy to acceptance, with a lead's approval."""
    assert on_main.status == 0, on_main.output
    runner.github.run("2", "acceptance", version)
    runner.github.review("2", "lead-login", "acceptance")
    return runner.run("workflow_dispatch", "deploy-acceptance.yml", "2", version=version)
