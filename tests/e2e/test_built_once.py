"""Nothing is built after `package`: later deliveries pull by digest, and the checkout changes nothing about them."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.machine import docker

from .conftest import Environ, Outcome
from .events import docker_events
from .targets import read_state
from .team import Team, new_team

pytestmark = pytest.mark.full

STEP = re.compile(r"^#(\d+) (.*)$")
BROKEN_TEST = '\n\ndef test_of_today() -> None:\n    raise AssertionError("not in that release")\n'


def steps(outcome: Outcome) -> list[str]:
    """Return the names of the steps that a command showed with --progress=plain."""
    names: dict[str, str] = {}
    for line in outcome.err.splitlines():
        if match := STEP.match(line):
            names.setdefault(match[1], match[2])
    return list(names.values())


def agent_runs(outcome: Outcome) -> list[str]:
    """Return the runs of the agent among a command's steps, each as it shows."""
    return [name.partition(" (in ")[0] for name in steps(outcome) if name.startswith("slipway-agent ")]


def assert_nothing_was_built(outcome: Outcome) -> None:
    """Look at every step: a delivery runs the agent, and no command but that."""
    commands = re.compile(r"\b(?:uv|uvx|pip|apt-get|python -m pytest|sh -euc)\b")
    assert [name for name in steps(outcome) if commands.search(name)] == []


def digest_of(team: Team, tag: str) -> str:
    """Ask the registry which manifest a tag of the team's repository names."""
    host, _, name = team.project.stack.registry.repository.partition("/")
    accept = {
        "Accept": "application/vnd.oci.image.manifest.v1+json, application/vnd.docker.distribution.manifest.v2+json"
    }
    return httpx.head(f"http://{host}/v2/{name}/manifests/{tag}", headers=accept).headers["docker-content-digest"]


def web_services(team: Team) -> dict[str, str]:
    """Return the releases in acceptance, each with its specification and the containers that it runs."""
    namespace = team.project.stack_of("acceptance").namespace
    found = {}
    for name in docker("service", "ls", f"--filter=name={namespace}_web-", "--format={{.Name}}").split():
        tasks = docker("service", "ps", "--no-trunc", "--filter=desired-state=running", "--format={{.ID}}", name)
        found[name] = docker("service", "inspect", "--format={{json .Spec}}", name) + "".join(sorted(tasks.split()))
    return found


@pytest.fixture(scope="module")
def deploys() -> dict[str, Outcome]:
    """The outcomes of the commands that the fixture `team` gives, by a short name."""
    return {}


@pytest.fixture(scope="module")
def team(
    tmp_path_factory: pytest.TempPathFactory, module: Path, environ: Environ, deploys: dict[str, Outcome]
) -> Iterator[Team]:
    """A team with v1.0.0 and over it v1.1.0 in acceptance, in whose checkout nothing works any more."""
    with new_team(tmp_path_factory.mktemp("team"), module, environ) as team:
        team.pin_agent()
        for version in ("v1.0.0", "v1.1.0"):
            team.commit(version)
            deploys[f"dev {version}"] = command(team, "deploy", "--env=dev", "--checkout=.")
            team.approve("acceptance", version, "lead")
            deploys[f"acceptance {version}"] = command(team, "deploy", "--env=acceptance", f"--version={version}")
        project = team.project
        project.change("service/uv.lock", "version = 1\n", "version = 99\n")
        project.add("service/tests/integration/test_greeting.py", BROKEN_TEST)
        project.add("service/tests/smoke/test_smoke.py", BROKEN_TEST)
        project.add("service/src/greeter/answers.py", "\nthis is no Python\n")
        yield team


def command(team: Team, *words: str) -> Outcome:
    """Run a command as the deployer, which has to work, with all of its steps shown."""
    outcome = team.ci("--progress=plain", *words, "--json", by="deployer")
    assert outcome.status == 0, outcome.err
    return outcome


def test_deploy_to_dev_runs_the_agent_at_most_three_times(team: Team, deploys: dict[str, Outcome]) -> None:
    assert team
    for version in ("v1.0.0", "v1.1.0"):
        runs = agent_runs(deploys[f"dev {version}"])
        assert runs[-1] == f"slipway-agent deliver dev {version}"
        assert len(runs) <= 3, runs


def test_deploy_to_a_later_environment_is_one_run_of_the_agent(team: Team, deploys: dict[str, Outcome]) -> None:
    assert team
    for version in ("v1.0.0", "v1.1.0"):
        outcome = deploys[f"acceptance {version}"]
        assert agent_runs(outcome) == [f"slipway-agent deliver acceptance {version}"]
        assert_nothing_was_built(outcome)


def test_build_record_holds_the_test_image_of_the_same_sources(team: Team) -> None:
    tests = {version: digest_of(team, f"tests-{version}") for version in ("v1.0.0", "v1.1.0")}
    assert len(set(tests.values())) == 2
    repository = team.project.stack.registry.repository
    for version, digest in tests.items():
        docker("pull", "--quiet", f"{repository}@{digest}")
        read = ("run", "--rm", "--network=none", f"{repository}@{digest}", "cat", "/app/src/greeter/__init__.py")
        assert f'RELEASE = "{version}"' in docker(*read).splitlines()[-1]


def test_rollback_to_a_kept_release_moves_nothing_but_the_edge(team: Team) -> None:
    assert team.version_in("acceptance") == "v1.1.0"
    before = web_services(team)
    assert len(before) == 2
    with docker_events() as events:
        outcome = command(team, "rollback", "--env=acceptance")
    back: Any = outcome.json
    assert (back["version"], back["outcome"], team.version_in("acceptance")) == ("v1.0.0", "succeeded", "v1.0.0")
    assert [stage.partition(":")[0] for stage in back["stages"]] == ["lock", "switch", "probe", "retire"]
    assert agent_runs(outcome) == ["slipway-agent deliver rollback acceptance"]
    assert_nothing_was_built(outcome)
    assert web_services(team) == before
    namespace, repository = team.project.stack_of("acceptance").namespace, team.project.stack.registry.repository
    assert events.having("image pull", repository) == []
    assert events.having("container create", '"slipway.tests"', namespace) == []
    assert events.having("service create", namespace) == []
    assert events.having("service remove", namespace) == []


def test_rollback_to_a_removed_release_runs_that_release_s_own_tests(team: Team) -> None:
    at_once = "--overrides=environments.acceptance.keep_previous=0"
    current = team.version_in("acceptance")
    other = {"v1.0.0": "v1.1.0", "v1.1.0": "v1.0.0"}[current]
    command(team, at_once, "rollback", "--env=acceptance", f"--version={other}")
    state = read_state(team.project.stack_of("acceptance"))
    assert [(release.version, release.role) for release in state.releases] == [(other, "current")]
    with docker_events() as events:
        outcome = command(team, "rollback", "--env=acceptance", f"--version={current}")
    back: Any = outcome.json
    assert (back["version"], back["outcome"], team.version_in("acceptance")) == (current, "succeeded", current)
    assert "test" in [stage.partition(":")[0] for stage in back["stages"]]
    assert_nothing_was_built(outcome)
    tests = f"{team.project.stack.registry.repository}@{digest_of(team, f'tests-{current}')}"
    (ran,) = events.having("container create", '"slipway.tests"', team.project.stack_of("acceptance").namespace)
    assert f'"image":"{tests}"' in ran


def test_integration_test_runs_the_tests_of_the_current_release(team: Team) -> None:
    outcome = team.ci("--progress=plain", "integration-test", "--env=acceptance")
    assert outcome.status == 0, outcome.err
    assert "1 passed" in outcome.out
    assert agent_runs(outcome) == ["slipway-agent test acceptance"]
    assert_nothing_was_built(outcome)


def test_deploy_to_a_later_environment_takes_nothing_from_the_checkout(team: Team) -> None:
    team.remove("acceptance")
    outcome = command(team, "deploy", "--env=acceptance", "--version=v1.1.0")
    assert (outcome.json["outcome"], team.version_in("acceptance")) == ("succeeded", "v1.1.0")
    assert_nothing_was_built(outcome)


def test_restore_takes_nothing_from_the_checkout(team: Team) -> None:
    current = team.version_in("acceptance")
    team.remove("acceptance")
    outcome = command(team, "restore", "--env=acceptance")
    assert (outcome.json["outcome"], team.version_in("acceptance")) == ("succeeded", current)
    assert agent_runs(outcome) == ["slipway-agent deliver restore acceptance"]
    assert_nothing_was_built(outcome)


def test_failed_rollback_is_no_permanent_mark_against_a_release(team: Team) -> None:
    current = team.version_in("acceptance")
    other = {"v1.0.0": "v1.1.0", "v1.1.0": "v1.0.0"}[current]
    nowhere = "--overrides=app.tests.integration=tests/nowhere"
    failed = team.ci(nowhere, "rollback", "--env=acceptance", by="deployer")
    assert failed.status == 1, failed.out
    assert "acceptance: the tests of web-" in failed.err
    assert team.version_in("acceptance") == current
    # For ten minutes a person has to name the release, and the refusal says how.
    message = team.refused("rollback", "--env=acceptance", by="deployer")
    assert f"{other} failed to start at" in message
    assert "is skipped for ten minutes" in message
    assert f"`ci call rollback --env acceptance --version {other}" in message
    back: Any = command(team, "rollback", "--env=acceptance", f"--version={other}").json
    assert (back["version"], back["outcome"], team.version_in("acceptance")) == (other, "succeeded", other)
