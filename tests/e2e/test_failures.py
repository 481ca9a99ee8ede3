"""A release that is not good enough: the one before keeps serving, and the reason is what is read last."""

import httpx

from .conftest import Outcome, Project, Standing, Traffic


def failed_deploy(project: Project, *constructor: str) -> Outcome:
    outcome = project.ci("deploy", "--env=dev", constructor=(*project.constructor, *constructor))
    assert outcome.status == 1, outcome
    assert outcome.out == ""
    return outcome


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
    last = "\n".join(outcome.err.splitlines()[-20:])
    assert "FAILED tests/unit/test_answers.py::test_of_today" in last
    assert "Error: " in outcome.err.splitlines()[-1]
    assert_nothing_is_left(project, before)
    assert project.state().releases == releases


def test_a_lint_error_deploys_nothing(standing: Standing, project: Project) -> None:
    before = serving(standing.project)
    project.change("service/src/greeter/answers.py", "GREETING =", "import os\n\nGREETING =")
    outcome = failed_deploy(project)
    assert "F401" in "\n".join(outcome.err.splitlines()[-25:])
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
    assert set(seen) == {f"200 {before}"}, seen
    assert_nothing_is_left(project, before)
