"""What cannot work is refused before anything runs, by what is wrong and what to do about it."""

from .conftest import Outcome, Project


def refused(project: Project, *arguments: str) -> str:
    outcome: Outcome = project.ci(*arguments)
    assert outcome.status == 1, outcome
    assert outcome.out == ""
    # A refusal does not build: it takes as long as reading the settings.
    assert "uv sync" not in outcome.err
    return outcome.err


def test_every_error_of_the_settings_is_said_at_once(project: Project) -> None:
    project.change("pipeline.toml", 'module = "greeter"', 'modul = "greeter"\nport = 0')
    project.add("pipeline.toml", "replicas = 0\n")
    said = refused(project, "deploy", "--env=dev")
    assert "pipeline.toml: app.modul: unknown key (did you mean module?)" in said
    assert "pipeline.toml: app.port: must be at least 1 (is 0)" in said
    assert "pipeline.toml: environments.acceptance.replicas: must be at least 1 (is 0)" in said


def test_settings_that_are_no_toml(project: Project) -> None:
    project.add("pipeline.toml", "replicas ==\n")
    assert "pipeline.toml: line " in refused(project, "status", "--env=dev")


def test_an_unknown_environment(project: Project) -> None:
    said = refused(project, "deploy", "--env=dve")
    assert "environments.dve: no such environment (did you mean dev?); there are dev, acceptance" in said


def test_a_list_of_revoked_keys_that_is_not_there(project: Project) -> None:
    project.add("pipeline.toml", '\n[release]\nrevoked_keys = "revoked"\n')
    said = refused(project, "history")
    assert "pipeline.toml: release.revoked_keys: names revoked, which is not in the repository" in said


def test_a_target_without_its_socket(project: Project) -> None:
    outcome = project.ci("status", "--env=dev", constructor=())
    assert (outcome.status, outcome.out) == (1, "")
    assert "dev: its target (unix) cannot be reached without --docker" in outcome.err.splitlines()[-1]


def test_a_command_line_that_makes_no_sense(project: Project) -> None:
    assert project.ci("deploy").status == 2
    assert project.ci("deplay", "--env=dev").status == 2
