"""The story of a failed delivery: what was done, what went wrong, its own output, and what to type."""

import pytest

from ci.analysis import Counters, Limits, judge
from ci.delivery.request import DeliveryReport, StageResult
from ci.outcome import Outcome
from ci.settings import Settings
from ci.stages.deliver import render_failure, render_tests
from ci.targets.target import TestResult

SETTINGS = Settings.parse("""
[app]
name = "shop"
module = "shop"

[registry]
repository = "localhost:5000/shop"

[environments.dev]
kind = "dev"
""")
OTHER = "                   (on a Dagger engine: `dagger` for `ci`)"
LOCK = StageResult(name="lock", ok=True, message="locked by me", seconds=0.1)
COMMAND = ("python", "-m", "pytest", "tests/integration")


def report(message: str, *stages: StageResult, **details: object) -> DeliveryReport:
    fields = {
        "environment": "dev",
        "action": "deploy",
        "version": "1.4.2",
        "digest": f"sha256:{'1' * 64}",
        "outcome": Outcome.FAILED,
        "message": message,
        "address": "http://localhost:8080",
        "by": "me",
        "stages": (LOCK, *stages),
    }
    return DeliveryReport.model_validate({**fields, **details})


def test_message_of_failed_tests_ends_with_their_output_and_commands() -> None:
    tests = TestResult(status="failed", exit_code=1, output="FAILED test_a.py::test_b\n", seconds=1.5)
    failed = StageResult(name="test", ok=False, message="the tests of web-1 failed: exit code 1", seconds=1.5)
    story = render_failure(SETTINGS, report(failed.message, failed, tests=tests, test_command=COMMAND))
    assert story.splitlines() == [
        "dev: the tests of web-1 failed: exit code 1",
        "✔ lock: locked by me",
        # The headline has said why.
        "✘ test",
        "",
        "FAILED test_a.py::test_b",
        "",
        "  what ran:        python -m pytest tests/integration",
        "  where:           a helper container beside the release, on its network",
        "  open a shell:    ci call shell --stage test terminal",
        "  run it alone:    ci call integration-test --env dev",
        OTHER,
        "this command tests the current release: the failed release was removed",
    ]


def test_message_of_failed_tests_shows_the_last_lines_of_the_candidate() -> None:
    tests = TestResult(status="failed", exit_code=1, output="assert 500 == 200", seconds=1.5)
    story = render_failure(SETTINGS, report("tests failed", tests=tests, test_command=COMMAND, logs="KeyError: 'x'"))
    lines = story.splitlines()
    at = lines.index("the release's last lines:")
    assert lines[at + 1 : at + 3] == ["KeyError: 'x'", "seen: every replica of the release ran and was ready"]


def test_candidate_that_ended_is_not_blamed_on_dns() -> None:
    output = "socket.gaierror: [Errno -2] Name or service not known"
    tests = TestResult(status="failed", exit_code=1, output=output, seconds=1.5)
    fine = render_failure(SETTINGS, report("tests failed", tests=tests, test_command=COMMAND))
    assert "/etc/resolv.conf" in fine
    ended = "a replica ended: non-zero exit (137), killed: out of memory"
    story = render_failure(SETTINGS, report("tests failed", tests=tests, test_command=COMMAND, seen=ended))
    assert "/etc/resolv.conf" not in story
    assert f"seen: {ended}" in story
    assert "ran out of memory" in story


def test_message_of_a_kept_release_names_the_command_for_a_shell_beside_it() -> None:
    tests = TestResult(status="failed", exit_code=1, output="FAILED", seconds=1.5)
    shell = "docker run --rm -it image"
    story = render_failure(SETTINGS, report("tests failed", tests=tests, test_command=COMMAND, shell_beside=shell))
    assert story.splitlines()[-1] == f"a shell in the test image, beside the failed release: {shell}"
    assert "was removed" not in story


def test_message_of_an_unhealthy_release_ends_with_its_logs_and_commands() -> None:
    story = render_failure(SETTINGS, report("web-1 did not get healthy", logs="no such module\n"))
    assert story.splitlines()[-7:] == [
        "no such module",
        "",
        "  what ran:        the image's own command",
        "  where:           replicas on the target of dev",
        "  open a shell:    ci call build terminal",
        "  run it alone:    ci call up up --ports 8000:8000",
        OTHER,
    ]


def test_message_of_a_failed_verdict_names_the_command_that_verifies_again() -> None:
    verdict = judge(Counters(), 3.0, Limits(max_error_rate=0.01, max_p95_ms=500, min_requests=0), lost=2)
    assert verdict.outcome == "fail"
    story = render_failure(SETTINGS, report("replicas ended", verdict=verdict, outcome=Outcome.ROLLED_BACK))
    assert story.splitlines()[-2:] == ["  run it alone:    ci call verify --env dev", OTHER]


def test_message_of_a_refusal_is_its_reason() -> None:
    story = render_failure(SETTINGS, report("disk: 1 MB free", outcome=Outcome.REFUSED, stages=()))
    assert story == "dev: disk: 1 MB free"


@pytest.mark.parametrize(("exit_code", "hinted"), [(137, True), (1, False)])
def test_killed_tests_get_the_hint_about_memory(exit_code: int, hinted: bool) -> None:  # noqa: FBT001 - a case of the table
    result = TestResult(status="failed", exit_code=exit_code, output="", seconds=1)
    last = render_tests("dev", COMMAND, result)[-1]
    assert ("all memory of the target's machine" in last) == hinted
    assert last == OTHER or hinted
