"""Steps in containers, as the command shows them: what failed comes last, and Ctrl-C leaves no container."""

import json
import signal
import subprocess
from pathlib import Path

import pytest

from .conftest import CI, SAMPLES, Ci

STEPS = SAMPLES / "steps"
STORY = """\
  exit code: 7
  stdout:
    some output
  stderr:
    what went wrong

Error: process "sh -c echo some output; echo what went wrong >&2; exit 7" did not complete successfully: exit code: 7
"""


def test_a_step_s_output(ci: Ci) -> None:
    assert ci("-q", "call", "say", "--text", "hi", "stdout", cwd=STEPS).out == "hi\n"
    assert ci("-q", "call", "say", "--text", "hi", cwd=STEPS).out.startswith("Container@sha256:")


@pytest.mark.parametrize("progress", ["plain", "dots", "-q"])
def test_failed_step_is_reported_last(ci: Ci, progress: str) -> None:
    flags = [progress] if progress == "-q" else ["--progress", progress]
    outcome = ci(*flags, "call", "broken", cwd=STEPS)
    assert (outcome.status, outcome.out) == (1, "")
    title = "✘ sh -c 'echo some output; echo what went wrong >&2; exit 7' ("
    assert outcome.err.count(title) == 1
    assert outcome.err.endswith(STORY)


@pytest.mark.parametrize("progress", ["plain", "dots", "-q"])
def test_module_message_replaces_the_engine_message(ci: Ci, progress: str) -> None:
    flags = [progress] if progress == "-q" else ["--progress", progress]
    err = ci(*flags, "call", "second", cwd=STEPS).err
    title, story = (
        "✘ the last lines of what failed (",
        "stdout:\n    its output\n\nError: step two failed: exit code 6\n",
    )
    assert err.count(title) == 1
    assert err.endswith(story)
    # What is told in those words is not told in the engine's too.
    assert "did not complete" not in err.rpartition(title)[2]
    assert ("the first" in err) == (progress == "plain")


def test_a_step_of_the_command_line_that_fails(ci: Ci) -> None:
    outcome = ci("-q", "call", "base", "with-exec", "--args=sh,-c,echo oh >&2; exit 3", "stdout", cwd=STEPS)
    assert outcome.status == 1
    assert outcome.err.endswith(
        '    oh\n\nError: process "sh -c echo oh >&2; exit 3" did not complete successfully: exit code: 3\n'
    )


def test_a_container_is_saved(ci: Ci, tmp_path: Path) -> None:
    outcome = ci("-q", "call", "say", "--text=hi", "--output", str(tmp_path / "image.tar"), cwd=STEPS)
    assert (outcome.status, outcome.err) == (0, f'Saved to "{tmp_path / "image.tar"}".\n')
    assert (tmp_path / "image.tar").stat().st_size > 1000


def test_ctrl_c_leaves_no_container(environ: dict[str, str]) -> None:
    command = [str(CI), "call", "slow", "--seconds", "50"]
    with subprocess.Popen(command, cwd=STEPS, env=environ, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        for line in process.stderr:
            if line.endswith("started\n"):
                break
        assert _running("sleep 50") == 1
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=30)
    assert process.returncode == 130
    assert _running("sleep 50") == 0


def _running(command: str) -> int:
    listed = subprocess.run(
        ["docker", "ps", "--no-trunc", "--format", "{{json .}}"],
        capture_output=True,
        text=True,
        check=True,
    )
    return sum(command in json.loads(line)["Command"] for line in listed.stdout.splitlines())
