"""A release that is not good enough: the current release keeps serving, and the reason is what people read last."""

import pytest

from .conftest import Outcome, Project, Serving, Traffic


def failed_deploy(project: Project, *constructor: str) -> Outcome:
    outcome = project.ci("deploy", "--env=dev", constructor=(*project.constructor, *constructor))
    assert outcome.status == 1, outcome
    assert outcome.out == ""
    return outcome


def assert_story(
    project: Project, story: str, ended: str, ran: str, *, into: str, just: str, typed: tuple[str, ...] = ()
) -> None:
    """Look for how the step ended, what ran, and what to type: with the flags that were typed."""
    module, flags = f"ci -m {project.module} call", " ".join(["--source=.", *project.constructor, *typed])
    into = into.replace("ci call -i", f"{module} -i {flags}").replace("ci call", f"{module} {flags}")
    just = just.replace("ci call", f"{module} {flags}")
    assert ended in story
    assert f"  what ran:        {ran}" in story
    assert "  where:           " in story
    assert f"  open a shell:    {into}" in story
    assert f"  run it alone:    {just}\n" in story


def assert_nothing_is_left(project: Project, before: str) -> None:
    state = project.state()
    assert (state.is_healthy, state.intent, state.lock) == (True, None, None), state
    assert [release.version for release in state.releases if release.role == "current"] == [before]
    assert not [release for release in state.releases if release.role == "candidate"]
    assert project.version() == before


def test_failing_unit_test_deploys_nothing(serving: Serving, project: Project) -> None:
    before, releases = serving.project.version(), serving.project.state().releases
    project.add("service/tests/unit/test_answers.py", '\n\ndef test_of_today() -> None:\n    assert GREETING == "hi"\n')
    outcome = failed_deploy(project)
    output, _, story = outcome.err.rpartition("\n\nError: ")
    assert "FAILED tests/unit/test_answers.py::test_of_today" in "\n".join(output.splitlines()[-20:])
    assert_story(
        project,
        story,
        "test failed: exit code 1",
        "python -m pytest tests/unit",
        into="ci call -i test",
        just="ci call test",
    )
    # Printed once, though the progress was shown too.
    assert outcome.err.count("open a shell:") == outcome.err.count("✘ ") == 1
    assert_nothing_is_left(project, before)
    assert project.state().releases == releases


def test_lint_error_deploys_nothing(serving: Serving, project: Project) -> None:
    before = serving.project.version()
    project.change("service/src/greeter/answers.py", "GREETING =", "import os\n\nGREETING =")
    outcome = failed_deploy(project)
    output, _, story = outcome.err.rpartition("\n\nError: ")
    assert "F401" in "\n".join(output.splitlines()[-25:])
    assert_story(
        project, story, "lint (ruff) failed: exit code 1", "ruff check", into="ci call -i lint", just="ci call lint"
    )
    assert_nothing_is_left(project, before)


def test_service_that_never_gets_healthy_does_not_serve(serving: Serving, project: Project, traffic: Traffic) -> None:
    before = serving.project.version()
    project.change("service/src/greeter/__main__.py", "PORT = 8000", "PORT = 8001")
    with traffic() as seen:
        outcome = failed_deploy(project, override := "--overrides=environments.dev.health.timeout=8")
    assert "did not get healthy" in outcome.err
    assert "greeter listens on port 8001" in "\n".join(outcome.err.splitlines()[-20:])
    up = "ci call up up --ports 8000:8000"
    ran, into = "the image's own command", "ci call build terminal"
    assert_story(project, outcome.err, "dev: web-", ran, into=into, just=up, typed=(override,))
    assert set(seen) == {f"200 {before}"}, seen
    assert_nothing_is_left(project, before)


def test_service_that_fails_its_integration_tests_does_not_serve(
    serving: Serving, project: Project, traffic: Traffic
) -> None:
    before = serving.project.version()
    project.change("service/src/greeter/answers.py", '"hello"', '"goodbye"')
    with traffic() as seen:
        outcome = failed_deploy(project)
    assert "FAILED tests/integration/test_greeting.py::test_service_greets" in "\n".join(outcome.err.splitlines()[-20:])
    ran, into = "python -m pytest tests/integration", "ci call shell --stage test"
    just = "ci call integration-test --env dev"
    assert_story(project, outcome.err, "exit code 1", ran, into=into, just=just)
    assert set(seen) == {f"200 {before}"}, seen
    assert_nothing_is_left(project, before)


@pytest.mark.full
def test_failure_of_a_service_without_enough_memory_names_its_limit(serving: Serving, project: Project) -> None:
    before = serving.project.version()
    project.change("service/src/greeter/__main__.py", "PORT = 8000", 'PORT = 8000\nHELD = b"x" * (1 << 28)')
    outcome = failed_deploy(project, "--overrides=environments.dev.resources.memory=64MiB")
    limit = "environments.dev.resources.memory is 64MiB: raise it in pipeline.toml"
    assert outcome.err.rpartition("Error: ")[2].count(f"→ the process ran out of memory: {limit}") == 1
    assert_nothing_is_left(project, before)


@pytest.mark.full
def test_failed_build_is_named_a_build_by_every_function(project: Project) -> None:
    project.change("service/uv.lock", "version = 1\n", "version = 99\n")
    for function in ("build", "sbom", "push"):
        outcome = project.ci("--overrides=app.port=8001", function)
        assert outcome.status == 1
        story = outcome.err.rpartition("\n\nError: ")[2]
        into, just = (f"ci call {flag}--overrides app.port=8001 build" for flag in ("-i ", ""))
        assert_story(project, story, "build failed: exit code 2", "sh -euc 'uv sync", into=into, just=just)


@pytest.mark.full
def test_failure_of_the_engine_has_a_hint(project: Project) -> None:
    project.add("pipeline.toml", '\n[images]\npython = "nowhere.invalid/python:3"\n')
    outcome = project.ci("status", "--env=dev")
    assert outcome.status == 1
    assert "Error: slipway-agent status dev failed: " in outcome.err
    assert outcome.err.rstrip().splitlines()[-1].startswith("→ nowhere.invalid cannot be resolved")
