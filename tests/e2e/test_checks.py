"""Tests and linters, as people see their failures."""

import shutil

from .conftest import Project


def test_failed_unit_test_ends_with_its_assertion(project: Project) -> None:
    project.add("service/tests/unit/test_answers.py", '\n\ndef test_of_today() -> None:\n    assert GREETING == "hi"\n')
    outcome = project.ci("test")
    assert outcome.status == 1
    output, _, _ = outcome.err.rpartition("\n\nError: ")
    *_, failed, count = output.splitlines()
    assert failed.strip().startswith("FAILED tests/unit/test_answers.py::test_of_today - AssertionError: assert 'he")
    assert count.strip().startswith("====")
    assert "E       AssertionError: assert 'hello' == 'hi'" in "\n".join(output.splitlines()[-15:])
    assert "Cover" not in outcome.err


def test_missing_folder_of_tests_is_told_before_anything_is_built(project: Project) -> None:
    shutil.rmtree(project.folder / "service/tests/integration")
    shutil.rmtree(project.folder / "service/tests/unit")
    outcome = project.ci("deploy", "--env=dev")
    assert outcome.status == 1
    story = outcome.err.rpartition("Error: ")[2]
    for setting in ("unit", "integration"):
        assert f"pipeline.toml: app.tests.{setting}: there is no tests/{setting} in service" in story
    assert "uv sync" not in outcome.err
