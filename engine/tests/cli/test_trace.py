"""`--trace FILE`: what the page knows of a run, when it is written, and when it is refused."""

import json
import re
import signal
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest

from slipway_engine.cli.progress.trace.page import page
from slipway_engine.cli.progress.trace.shares import Work, critical_path, gaps

from .conftest import CI, SAMPLES, Ci

STEPS = SAMPLES / "steps"


def test_the_page_of_a_run(ci: Ci, tmp_path: Path) -> None:
    ci("call", "passes")
    outcome = ci("call", "--trace", str(tmp_path / "t.html"), "wait", "--path", str(tmp_path / "x"), "--seconds=0")
    data = _data(tmp_path / "t.html")
    assert (outcome.status, data["outcome"], data["steps"], data["cached"]) == (0, "done", 2, 1)
    assert data["command"] == f"ci call --trace {tmp_path / 't.html'} wait --path {tmp_path / 'x'} --seconds=0"
    first, second = data["spans"]
    assert (first["title"], first["status"], first["output"]) == ("Kinds()", "cached", [])
    assert (second["title"], second["status"], second["output"]) == ("Kinds.wait", "done", ["a line of output"])
    assert 0 <= second["start"] <= second["end"] <= data["seconds"]
    assert sum(seconds for _, seconds in data["deciding"]) == pytest.approx(data["seconds"], abs=0.01)


def test_failed_step_has_its_own_work_on_the_page(ci: Ci, tmp_path: Path) -> None:
    outcome = ci("call", "broken", f"--trace={tmp_path / 't.html'}", cwd=STEPS)
    data = _data(tmp_path / "t.html")
    assert (outcome.status, data["outcome"]) == (1, "failed")
    function, step = data["spans"][-2:]
    assert (function["status"], step["status"], step["parent"]) == ("failed", "failed", function["number"])
    assert step["title"] == "sh -c echo some output; echo what went wrong >&2; exit 7"
    assert sorted(step["output"]) == ["some output", "what went wrong"]
    assert step["error"].endswith("exit code: 7")
    # The function did nothing itself while its step ran.
    assert all(end <= step["start"] or start >= step["end"] for start, end in function["own"])


def test_waits_name_the_steps_that_were_waited_for(ci: Ci, tmp_path: Path) -> None:
    # Two checks make the same object first: one makes it, the other waits for it.
    outcome = ci("check", "--trace", str(tmp_path / "t.html"), SLIPWAY_CACHE=str(tmp_path / "cache"))
    data = _data(tmp_path / "t.html")
    one, other = (span for span in data["spans"] if span["title"] == "Kinds()")
    assert (outcome.status, one["waits"], one["status"]) == (1, [], "done")
    assert (other["status"], [number for number, _, _ in other["waits"]]) == ("cached", [one["number"]])
    assert other["own"] == [] or sum(end - start for start, end in other["own"]) < other["end"] - other["start"]


def test_secrets_and_markup_are_harmless(ci: Ci, tmp_path: Path) -> None:
    text = "</script><script>alert(1)</script><!-- &amp;"
    arguments = ["with-exec", "--args", f"echo,{text}", "stdout"]
    outcome = ci("call", "--trace", str(tmp_path / "t.html"), "base", *arguments, cwd=STEPS)
    assert outcome.status == 0
    html = (tmp_path / "t.html").read_text()
    assert html.count("</script>") == 2
    assert _data(tmp_path / "t.html")["spans"][-1]["output"] == [text]
    outcome = ci("call", "--trace", str(tmp_path / "t.html"), "reveal", "--secret=env:HUSH", HUSH="s3cr3t-value")
    assert "the secret is ***" in (tmp_path / "t.html").read_text()
    assert "s3cr3t-value" not in (tmp_path / "t.html").read_text()


def test_it_is_written_after_ctrl_c(environ: dict[str, str], tmp_path: Path) -> None:
    command = [str(CI), "call", "--trace", str(tmp_path / "t.html"), "wait", "--path", str(tmp_path / "waits")]
    with subprocess.Popen(command, cwd=SAMPLES / "kinds", env=environ, stderr=subprocess.DEVNULL) as process:
        while not (tmp_path / "waits").exists():
            time.sleep(0.05)
        process.send_signal(signal.SIGINT)
        assert process.wait(timeout=30) == 130
    data = _data(tmp_path / "t.html")
    assert (data["outcome"], data["spans"][-1]["status"]) == ("canceled", "canceled")


@pytest.mark.parametrize("command", [("call", "wait", "--path={}"), ("run", "--", "touch", "{}")])
def test_a_file_that_cannot_be_written_is_refused_first(ci: Ci, tmp_path: Path, command: tuple[str, ...]) -> None:
    name, *rest = (word.format(tmp_path / "ran") for word in command)
    outcome = ci(name, "--trace", str(tmp_path / "no" / "t.html"), *rest)
    assert (outcome.status, outcome.out, (tmp_path / "ran").exists()) == (2, "", False)
    where = f"Error: --trace {tmp_path / 'no' / 't.html'}: cannot be written: No such file or directory\n"
    assert outcome.err.startswith(where)
    assert ci(name, "--trace", str(tmp_path), *rest).status == 2
    assert ci("call", "--trace").err.startswith("Error: flag needs an argument: --trace\n")


def test_the_status_of_a_command_in_a_session_counts(ci: Ci, tmp_path: Path) -> None:
    outcome = ci("run", "--trace", str(tmp_path / "t.html"), "--", "sh", "-c", "exit 3")
    assert (outcome.status, _data(tmp_path / "t.html")["outcome"]) == (3, "failed")


def test_the_page_loads_and_runs_nothing_else() -> None:
    html = page({"command": "x", "spans": []})
    assert "{{" not in html
    assert not re.search(r"""(?:src|href)=["']|@import|url\(|https?:""", html)
    assert re.search(r"default-src 'none'; style-src 'sha256-\S+'; script-src 'sha256-\S+';", html)


def test_gaps() -> None:
    assert gaps([], (0, 5)) == [(0, 5)]
    assert gaps([(1, 3), (2, 4), (6, 9)], (0, 8)) == [(0, 1), (4, 6)]
    assert gaps([(-1, 9)], (0, 8)) == []


def test_critical_path_goes_back_over_the_steps_that_ended_last() -> None:
    long, short = Work(2, 1, 6), Work(3, 1, 3)
    after = Work(4, 6, 9, children=[Work(5, 7, 9)])
    root = Work(0, 0, 10, children=[Work(1, 0, 10, children=[short, long, after])])
    assert critical_path(root) == [(1, 1), (2, 5), (4, 1), (5, 2), (1, 1)]


def test_critical_path_follows_a_wait_to_the_other_step() -> None:
    shared = Work(2, 0, 8)
    waiting = Work(4, 1, 9, waits=[(shared, (1, 8))])
    root = Work(0, 0, 9, children=[Work(1, 0, 8.2, children=[shared]), Work(3, 0, 9, children=[waiting])])
    assert critical_path(root) == [(3, 1), (2, 7), (4, 1)]


def test_two_that_waited_for_each_other_end() -> None:
    one, two = Work(1, 0, 5), Work(2, 0, 5)
    one.waits, two.waits = [(two, (1, 5))], [(one, (1, 5))]
    assert sum(seconds for _, seconds in critical_path(Work(0, 0, 5, children=[one, two]))) == 5


def _data(path: Path) -> dict[str, Any]:
    found = re.search(r'<script id="data" type="application/json">(.*?)</script>', path.read_text(), re.DOTALL)
    assert found
    data: dict[str, Any] = json.loads(found[1])
    return data
