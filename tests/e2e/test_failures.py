"""A release that is not good enough: the one before keeps serving, and the reason is what is read last."""

import httpx
import pytest

from .conftest import Outcome, Project, Standing, Traffic


def failed_deploy(project: Project, *constructor: str) -> Outcome:
    outcome = project.ci("deploy", "--env=dev", constructor=(*project.constructor, *constructor))
    assert outcome.status == 1, outcome
    assert outcome.out == ""
    return outcome


def told(story: str, ended: str, ran: str, *, into: str, just: str) -> None:
    """Look for how it ended, what ran, and what to type."""
    assert ended in story
    assert f"  what ran:        {ran}" in story
    assert "  where:           " in story
    assert f"  to get into it:  {into}" in story
    assert f"  to run just it:  {just}\n" in story


def serving(project: Project) -> str:
    return str(httpx.get(project.address, timeout=10).headers["x-version"])


def assert_nothing_is_left(project: Project, before: str) -> None:
    state = project.state()
    assert (state.ok, state.intent, state.lock) == (True, "", ""), state
    assert [release.version for release in state.releases if release.role == "serving"] == [before]
    assert not [release for release in state.releases if release.role == "candidate"]
    assert serving(project) == before


def test_a_failing_test_deploys_nothing(standing: Standing, project: Project) -> None:
    before, releases = serving(standing.project), standing.project.state().releases
    project.add("service/tests/unit/test_answers.py", '\n\ndef test_of_today() -> None:\n    assert GREETING == "hi"\n')
    outcome = failed_deploy(project)
    output, _, story = outcome.err.rpartition("\n\nError: ")
    assert "FAILED tests/unit/test_answers.py::test_of_today" in "\n".join(output.splitlines()[-20:])
    told(story, "test failed: exit code 1", "python -m pytest tests/unit", into="ci call -i test", just="ci call test")
    # Said once, though the progress was shown too.
    assert outcome.err.count("to get into it:") == outcome.err.count("✘ ") == 1
    assert_nothing_is_left(project, before)
    assert project.state().releases == releases


def test_a_lint_error_deploys_nothing(standing: Standing, project: Project) -> None:
    before = serving(standing.project)
    project.change("service/src/greeter/answers.py", "GREETING =", "import os\n\nGREETING =")
    outcome = failed_deploy(project)
    output, _, story = outcome.err.rpartition("\n\nError: ")
    assert "F401" in "\n".join(output.splitlines()[-25:])
    told(story, "lint (ruff) failed: exit code 1", "ruff check", into="ci call -i lint", just="ci call lint")
    assert_nothing_is_left(project, before)


def test_a_service_that_never_gets_healthy_does_not_serve(
    standing: Standing, project: Project, traffic: Traffic
) -> None:
    before = serving(standing.project)
    project.change("service/src/greeter/__main__.py", "PORT = 8000", "PORT = 8001")
    with traffic() as seen:
        outcome = failed_deploy(project, "--overrides=environments.dev.health.timeout=8")
    assert "did not get healthy" in outcome.err
    assert "greeter listens on port 8001" in "\n".join(outcome.err.splitlines()[-20:])
    up = "ci call up up --ports 8000:8000"
    told(outcome.err, "dev: web-", "the image's own command", into="ci call build terminal", just=up)
    assert set(seen) == {f"200 {before}"}, seen
    assert_nothing_is_left(project, before)


def test_a_service_that_fails_its_integration_tests_does_not_serve(
    standing: Standing, project: Project, traffic: Traffic
) -> None:
    before = serving(standing.project)
    project.change("service/src/greeter/answers.py", '"hello"', '"goodbye"')
    with traffic() as seen:
        outcome = failed_deploy(project)
    assert "FAILED tests/integration/test_greeting.py::test_says_hello" in "\n".join(outcome.err.splitlines()[-20:])
    just = "ci call integration-test --env dev"
    told(outcome.err, "exit code 1", "python -m pytest tests/integration", into="ci call shell --stage test", just=just)
    assert set(seen) == {f"200 {before}"}, seen
    assert_nothing_is_left(project, before)


@pytest.mark.full
def test_a_service_that_lacks_memory_is_told_its_limit(standing: Standing, project: Project) -> None:
    before = serving(standing.project)
    project.change("service/src/greeter/__main__.py", "PORT = 8000", 'PORT = 8000\nHELD = b"x" * (1 << 28)')
    outcome = failed_deploy(project, "--overrides=environments.dev.resources.memory=64MiB")
    limit = "environments.dev.resources.memory is 64MiB: raise it in pipeline.toml"
    assert outcome.err.rpartition("Error: ")[2].count(f"→ it needed more memory than it had: {limit}") == 1
    assert_nothing_is_left(project, before)


@pytest.mark.full
def test_a_build_that_fails_is_the_build_s_wherever_it_is_asked_for(project: Project) -> None:
    project.change("service/uv.lock", "version = 1\n", "version = 99\n")
    for function in ("build", "sbom", "push"):
        outcome = project.ci("--overrides=app.port=8001", function)
        assert outcome.status == 1
        story = outcome.err.rpartition("\n\nError: ")[2]
        into, just = (f"ci call {flag}--overrides app.port=8001 build" for flag in ("-i ", ""))
        told(story, "build failed: exit code 2", "sh -euc 'uv sync", into=into, just=just)


@pytest.mark.full
def test_what_the_engine_cannot_do_is_told_with_advice(project: Project) -> None:
    project.add("pipeline.toml", '\n[images]\npython = "nowhere.invalid/python:3"\n')
    outcome = project.ci("status", "--env=dev")
    assert outcome.status == 1
    assert "Error: dev: the program beside its target failed: " in outcome.err
    assert outcome.err.rstrip().splitlines()[-1].startswith("→ nowhere.invalid has no address here")
