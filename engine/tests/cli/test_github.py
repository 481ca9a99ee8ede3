"""Progress in a log of GitHub Actions: groups that do not mix, and output that commands nothing."""

import asyncio
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from slipway_engine.cli.progress.github import MOST_LINES, Github, stop_commands
from slipway_engine.events import Events

from .conftest import SAMPLES, Ci

Capture = pytest.CaptureFixture[str]


@pytest.fixture
def events(monkeypatch: pytest.MonkeyPatch) -> Iterator[Events]:
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    events, github = Events(), Github()
    events.listeners.append(github)
    yield events
    github.stop()


def test_a_run(ci: Ci, tmp_path: Path) -> None:
    ci("call", "passes")
    err = ci("call", "wait", f"--path={tmp_path / 'x'}", "--seconds=0", GITHUB_ACTIONS="true").err
    expected = r"(?s)#1 Kinds\(\)\n#1 CACHED · Kinds\(\)\n#2 Kinds\.wait\n(.*)2 steps, 1 cached.*"
    found = re.fullmatch(expected, err)
    assert found
    assert re.fullmatch(r"::group::#2 DONE \S+ · Kinds\.wait\na line of output\n::endgroup::\n", found[1])


def test_the_story_of_a_failure_commands_nothing(ci: Ci) -> None:
    script = r"printf '\033[31mred\n  ::error::no\n'; exit 7"
    command = ("call", "base", "with-exec", f"--args=sh,-c,{script}", "stdout")
    err = ci("-q", *command, cwd=SAMPLES / "steps", GITHUB_ACTIONS="true").err
    found = re.fullmatch(r"::stop-commands::(\w+)\n(.*)\n::(\w+)::\n", err, re.DOTALL)
    assert found
    assert (found[1], "\x1b" in found[2]) == (found[3], False)
    assert "    red\n      ::error::no\n" in found[2]


def test_a_failed_step_is_not_folded(ci: Ci) -> None:
    err = ci("call", "broken", cwd=SAMPLES / "steps", GITHUB_ACTIONS="true").err
    assert "::group::" not in err.partition("#2 ")[2]
    assert re.search(r"#\d FAILED · sh -c .*\n(some output|what went wrong)\n.*\n#\d ERROR ", err)


async def test_concurrent_steps_do_not_mix(events: Events, capsys: Capture) -> None:
    async def step(name: str) -> None:
        with events.span(name) as span:
            for line in range(3):
                events.log(span, f"{name} says {line}")
                await asyncio.sleep(0)

    await asyncio.gather(step("one"), step("two"))
    lines = capsys.readouterr().err.splitlines()
    assert lines[:2] == ["#1 one", "#2 two"]
    for number, name in enumerate(("one", "two"), 1):
        start = next(index for index, line in enumerate(lines) if line.startswith(f"::group::#{number} DONE"))
        assert lines[start + 1 : start + 5] == [*(f"{name} says {line}" for line in range(3)), "::endgroup::"]


@pytest.mark.parametrize(
    "line",
    [
        "::error::no",
        "  ::add-mask::a",
        "\t::set-output name=a::b",
        "x ##[error]no",
        "::stop-commands::x",
        "\u2060::error::",
    ],
)
async def test_output_of_a_step_runs_no_workflow_command(events: Events, capsys: Capture, line: str) -> None:
    with events.span(line) as span:
        events.log(span, "before")
        events.log(span, line)
    printed = capsys.readouterr().err.splitlines()
    assert printed[0] == f"#1 {' '.join(line.split())}".replace("##[", "## [")
    assert printed[1].startswith("::group::#1 DONE")
    assert "##[" not in printed[1]
    token = printed[2].removeprefix("::stop-commands::")
    assert re.fullmatch(r"\w{32}", token)
    assert printed[3:] == ["before", line, f"::{token}::", "::endgroup::"]


def test_only_text_that_looks_like_a_command_is_wrapped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    assert stop_commands("tests/test_a.py::test_b PASSED") == "tests/test_a.py::test_b PASSED"
    assert stop_commands("    ::error::no") != stop_commands("    ::error::no")  # each time another token
    monkeypatch.delenv("GITHUB_ACTIONS")
    assert stop_commands("::error::no") == "::error::no"


async def test_a_step_that_prints_much_gets_several_groups(events: Events, capsys: Capture) -> None:
    with events.span("100% of it") as span:
        for line in range(MOST_LINES + 1):
            events.log(span, str(line))
        lines = capsys.readouterr().err.splitlines()
        assert (lines[1], lines[-2]) == ("::group::#1 goes on · 100%25 of it", str(MOST_LINES - 1))
    assert capsys.readouterr().err.splitlines()[1:] == [str(MOST_LINES), "::endgroup::"]


async def test_later_output_of_a_service_comes_at_the_end(monkeypatch: pytest.MonkeyPatch, capsys: Capture) -> None:
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    events, github = Events(), Github()
    events.listeners.append(github)
    with events.span("service db") as span:
        pass
    events.log(span, "a late word")
    capsys.readouterr()
    github.stop()
    assert capsys.readouterr().err == "::group::#1 went on · service db\na late word\n::endgroup::\n"
