"""The workflows as they run: every job, on real containers, with `act` as the runner; each goes on from the last."""

import httpx
import pytest

from tests.workflows.runner import Done, Runner

pytestmark = pytest.mark.full


def serves(runner: Runner, environment: str) -> str:
    """Return which version answers; empty: none does."""
    try:
        return httpx.get(runner.settings.environment(environment).address, timeout=10).headers["x-version"]
    except httpx.TransportError:
        return ""


def test_push_to_main_deploys_to_dev(runner: Runner, version: str, on_main: Done) -> None:
    assert on_main.status == 0, on_main.output
    assert "No findings" in on_main.summaries
    assert f"{version} serves dev" in on_main.summaries
    assert serves(runner, "dev") == version
    # Nobody has to be asked about dev.
    assert runner.github.requests == []


def test_acceptance_takes_the_release_of_dev(runner: Runner, version: str, in_acceptance: Done) -> None:
    assert in_acceptance.status == 0, in_acceptance.output
    assert f"{version} serves acceptance" in in_acceptance.summaries
    assert "approved by lead" in in_acceptance.summaries
    assert serves(runner, "acceptance") == version


def test_production_is_refused_without_approvals_and_accepted_with_them(
    runner: Runner, version: str, in_acceptance: Done
) -> None:
    assert in_acceptance.status == 0, in_acceptance.output
    runner.github.run("3", "production", version)
    refused = runner.run("workflow_dispatch", "deploy-production.yml", "3", version=version)
    assert refused.status == 1, refused.output
    assert f"Policy does not allow {version} in production" in refused.summaries
    assert f"production: {version} has 0 of 2 approvals" in refused.summaries
    assert serves(runner, "production") == ""
    runner.github.review("3", "lead-login", "production-approval-1")
    # One who wrote it does not count, as many gates as they may open.
    runner.github.review("3", "author-login", "production-approval-2")
    refused = runner.run("workflow_dispatch", "deploy-production.yml", "3", version=version)
    assert refused.status == 1, refused.output
    assert f"production: {version} has 1 of 2 approvals (lead)" in refused.output
    runner.github.review("3", "stakeholder-login", "production-approval-2")
    accepted = runner.run("workflow_dispatch", "deploy-production.yml", "3", version=version)
    assert accepted.status == 0, accepted.output
    assert f"{version} serves production" in accepted.summaries
    assert serves(runner, "production") == version


def test_pull_request_that_fails_its_tests_names_the_line(runner: Runner, on_main: Done) -> None:
    assert on_main.status == 0, on_main.output
    runner.git("checkout", "--quiet", "-b", "broken")
    answers = runner.folder / "service/src/greeter/answers.py"
    answers.write_text(answers.read_text().replace("200", "201"))
    runner.commit("Break it")
    before = serves(runner, "dev")
    failed = runner.run("pull_request", "ci.yml")
    runner.git("checkout", "--quiet", "main")
    assert failed.status == 1, failed.output
    assert "::error file=service/tests/unit/test_answers.py,line=5,title=pytest::" in failed.output
    assert "service/tests/unit/test_answers.py:5:" in failed.summaries
    assert "deploy in dev" not in failed.output
    assert serves(runner, "dev") == before


def test_rollback_goes_to_the_previous_release(runner: Runner, version: str, on_main: Done) -> None:
    assert on_main.status == 0, on_main.output
    source = runner.folder / "service/src/greeter/__init__.py"
    source.write_text(f"{source.read_text()}\nCHANGED = True\n")
    newer = runner.commit("Change it")
    pushed = runner.run("push", "ci.yml")
    assert pushed.status == 0, pushed.output
    assert serves(runner, "dev") == newer
    back = runner.run("workflow_dispatch", "rollback.yml", environment="dev", version="")
    assert back.status == 0, back.output
    assert f"{version} serves dev" in back.summaries
    assert serves(runner, "dev") == version
