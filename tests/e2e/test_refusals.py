"""What cannot work is refused before anything runs; the message names what is wrong and what to do."""

import subprocess
from pathlib import Path

from .conftest import Outcome, Project


def refused(project: Project, *arguments: str) -> str:
    outcome: Outcome = project.ci(*arguments)
    assert outcome.status == 1, outcome
    assert outcome.out == ""
    # A refusal does not build: it takes as long as reading the settings.
    assert "uv sync" not in outcome.err
    return outcome.err


def test_every_error_of_the_settings_is_reported_at_once(project: Project) -> None:
    project.change("pipeline.toml", 'module = "greeter"', 'modul = "greeter"\nport = 0')
    project.add("pipeline.toml", "replicas = 0\n")
    message = refused(project, "deploy", "--env=dev")
    assert "pipeline.toml: app.modul: unknown key (did you mean module?)" in message
    assert "pipeline.toml: app.port: must be at least 1 (is 0)" in message
    assert "pipeline.toml: environments.acceptance.replicas: must be at least 1 (is 0)" in message


def test_settings_that_are_no_toml_are_refused(project: Project) -> None:
    project.add("pipeline.toml", "replicas ==\n")
    assert "pipeline.toml: line " in refused(project, "status", "--env=dev")


def test_unknown_environment_is_refused(project: Project) -> None:
    message = refused(project, "deploy", "--env=dve")
    assert "environments.dve: no such environment (did you mean dev?); there are dev, acceptance" in message


def test_missing_list_of_revoked_keys_is_refused(project: Project) -> None:
    project.add("pipeline.toml", '\n[signing]\nrevoked_keys = "revoked"\n')
    message = refused(project, "history")
    assert "pipeline.toml: signing.revoked_keys: names revoked, which is not in the repository" in message


def test_missing_file_of_allowed_signers_is_refused(project: Project) -> None:
    project.add("pipeline.toml", '\n[signing]\nallowed_signers = "signers"\n')
    message = refused(project, "history")
    assert "pipeline.toml: signing.allowed_signers: names signers, which is not in the repository" in message


def test_key_without_allowed_signers_is_refused_before_anything_is_built(project: Project, tmp_path: Path) -> None:
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(tmp_path / "key")], check=True)
    key = f"--key=file://{tmp_path}/key"
    # The tests of the sources begin meanwhile, and are stopped.
    outcome = project.ci("package", "--checkout=.", key)
    assert outcome.status == 1
    assert "the owner of the signing key is unknown: allowed_signers is missing or empty" in outcome.err
    assert "push " not in outcome.err


def test_half_of_a_pair_is_refused(project: Project) -> None:
    outcome = project.ci("history", constructor=(*project.constructor, "--registry-user=robot"))
    assert outcome.status == 1
    assert "--registry-user (REGISTRYUSER in .env) needs --registry-password (REGISTRYPASSWORD in .env)" in outcome.err
    message = refused(project, "approve", "--env=acceptance", "--version=1", "--statement=pipeline.toml")
    assert "--statement and --signature: give both" in message


def test_time_without_an_end_is_refused(project: Project) -> None:
    for hours in ("inf", "nan", "-1", "0"):
        message = refused(project, "lock", "--env=dev", "--reason=we measure", f"--hours={hours}")
        assert "--hours: must be more than 0, and at most 87600" in message


def test_target_without_its_socket_is_refused(project: Project) -> None:
    outcome = project.ci("status", "--env=dev", constructor=())
    assert (outcome.status, outcome.out) == (1, "")
    assert "dev: its target (unix) cannot be reached without --docker" in outcome.err.splitlines()[-1]


def test_wrong_command_line_is_a_usage_error(project: Project) -> None:
    assert project.ci("deploy").status == 2
    assert project.ci("deplay", "--env=dev").status == 2
