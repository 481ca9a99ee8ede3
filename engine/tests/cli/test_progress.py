"""Progress on the standard error: plain lines, dots, nothing, and a live tree on a terminal."""

import asyncio
import os
import pty
import re
import signal
import subprocess
import time
from pathlib import Path

import pytest
from rich.cells import cell_len

from slipway_engine.cli.progress.estimates import Estimates
from slipway_engine.cli.progress.plain import Plain
from slipway_engine.cli.progress.rows import Row, Rows, fit_rows
from slipway_engine.cli.progress.times import so_far
from slipway_engine.events import Events, Span
from slipway_engine.store.database import Store

from .conftest import CI, SAMPLES, Ci

STEPS = SAMPLES / "steps"
TOTALS = r"{} steps, {} cached \({} %\), \d+\.\ds(; the cache saved at least \d+\.\ds of work)?\n"


def test_plain_lines_have_the_step_s_number(ci: Ci) -> None:
    ci("call", "shown")
    err = ci("call", "now", "--progress=plain").err
    lines = r"#1 Kinds\(\)\n#1 CACHED\n#2 Kinds\.now\n#2 DONE \d+\.\ds\n"
    assert re.fullmatch(lines + TOTALS.format(2, 1, 50), err)


def test_dots(ci: Ci) -> None:
    ci("call", "shown")
    err = ci("call", "shown", "--progress", "dots").err
    assert re.fullmatch(r"\$\$\n" + TOTALS.format(2, 2, 100), err)
    err = ci("call", "fail", "--progress", "dots").err
    assert re.match(r"\$X\n" + TOTALS.format(2, 1, 50) + r"✘ Kinds\.fail \(", err)


def test_quiet_shows_errors_only(ci: Ci) -> None:
    assert ci("-q", "call", "now").err == ""
    err = ci("call", "-s", "fail").err
    assert err.startswith("✘ Kinds.fail (")
    assert err.endswith("\n\nError: it broke\n")


def test_a_live_tree_on_a_terminal(environ: dict[str, str]) -> None:
    status, screen = _on_terminal(environ | {"TERM": "xterm-256color", "LINES": "30"}, "call", "fail")
    assert status == 1
    assert re.search(r"[\u2800-\u28ff].*Kinds\.fail", screen)
    tree, _, story = screen.rpartition("\x1b[?25h")
    assert re.search(r"✘.*Kinds\.fail .*\d\.\ds", tree)
    assert re.search(TOTALS.format(r"\d", r"\d", r"\d+"), story.replace("\r\n", "\n"))
    assert "raise RuntimeError(message)" in story
    assert story.rstrip().endswith("Error: it broke")


def test_ctrl_c_gives_the_terminal_back(environ: dict[str, str], tmp_path: Path) -> None:
    variables = environ | {"TERM": "xterm-256color"}
    arguments = ("call", "wait", "--path", str(tmp_path / "waits"))
    status, screen = _on_terminal(variables, *arguments, until=tmp_path / "waits")
    assert status == 128 + signal.SIGINT
    assert screen.rindex("\x1b[?25l") < screen.rindex("\x1b[?25h")
    assert re.search(r"∅.*Kinds\.wait", screen)
    assert screen.endswith("Canceled.\r\n")


def test_no_escape_codes_without_a_terminal(ci: Ci) -> None:
    script = r"printf '\033[31mred\033[0m\n10%%\r100%%\r\n'; echo seen >&2"
    outcome = ci("call", "base", "with-exec", f"--args=sh,-c,{script}", "stdout", cwd=STEPS)
    assert (outcome.status, "\x1b" in outcome.err, "\r" in outcome.err) == (0, False, False)
    assert re.search(r"(?m)^#\d+ red\n#\d+ 100%$", outcome.err)


async def test_silent_step_gets_a_line_that_it_still_runs(capsys: pytest.CaptureFixture[str]) -> None:
    events, plain = Events(), Plain(silence=0.2)
    events.listeners.append(plain)
    with events.span("the whole"), events.span("a part") as part:
        await asyncio.sleep(0.5)
        part.usual = 3600
        await asyncio.sleep(0.5)
    lines = capsys.readouterr().err.splitlines()
    plain.stop()
    assert re.fullmatch(r"#2 … still runs: \d\.\ds", lines[2])
    assert re.fullmatch(r"#2 … still runs: \d\.\ds of ~1h00m", lines[-3])
    assert not any(line.startswith("#1 …") for line in lines)


def test_estimate_is_the_median_of_earlier_runs(tmp_path: Path) -> None:
    usual: list[float | None] = []
    for seconds, status in ((10, "done"), (90, "done"), (20, "done"), (500, "failed"), (0, "cached")):
        events, estimates = Events(), Estimates(Store(tmp_path), "project")
        events.listeners.append(estimates)
        with events.span("a step") as span:
            usual.append(span.usual)
            span.started -= seconds
            span.status = "done" if status == "done" else "failed" if status == "failed" else "cached"
        estimates.stop()
    assert [seconds and round(seconds) for seconds in usual] == [None, 10, 50, 20, 20]
    assert Store(tmp_path).durations("a step") == []  # equal steps of two projects are two


@pytest.mark.parametrize(
    ("seconds", "usual", "text"),
    [
        (12.34, 20, "12.3s of ~20s"),
        (25, 20, "25.0s, usually 20s"),
        (12, None, "12.0s"),
        (0.5, 0.4, "0.5s"),
        (125, 600, "2m05s of ~10m00s"),
    ],
)
def test_running_step_shows_its_estimate(seconds: float, usual: float | None, text: str) -> None:
    now = time.monotonic()
    assert so_far(Span(1, "a step", None, started=now - seconds, usual=usual)) == text
    assert so_far(Span(1, "a step", None, started=now - seconds, prepares=True)).startswith("preparing ")


def test_no_part_of_a_secret_is_left_where_a_name_is_cut() -> None:
    with Events(lambda text: text.replace("hush-hush", "***")).span("x" * 95 + "hush-hush") as span:
        assert span.name == "x" * 95 + "***"


@pytest.mark.parametrize("width", [1, 5, 12, 34, 80, 300])
def test_no_line_of_the_tree_is_wider_than_the_terminal(width: int) -> None:
    spans = [Span(1, "日本語の名前 — ünïcode 🚀 " * 9, None)]
    for number in range(2, 40):
        spans.append(Span(number, "a\tname", spans[-1]))
    spans[-1].tail.append("a line\tof output " * 40)
    rows = Rows(verbose=False).tree(spans, width, 0)
    assert len(rows) == 40
    assert all(cell_len(row.text.plain) <= width for row in rows)


def test_running_steps_come_first_when_there_is_no_room_for_all() -> None:
    events = Events()
    spans: list[Span] = []
    with events.span("the whole") as whole:
        spans.append(whole)
        for number in range(30):
            with events.span(f"over {number}") as span:
                spans.append(span)
        with events.span("runs") as span:
            spans.append(span)
            events.log(span, "its output")
            rows = Rows(verbose=False).tree(spans, 60, 0)
    shown = [text.plain.split()[1] for text in fit_rows(rows, 6)]
    assert shown == ["28", "the", "over", "over", "runs", "its"]
    assert [text.plain.split()[1] for text in fit_rows(rows, 3)] == ["30", "the", "runs"]
    assert len(fit_rows([Row("running", row.text) for row in rows], 5)) == 5
    assert len(fit_rows(rows, 33)) == len(rows) == 33


def _on_terminal(
    environ: dict[str, str], *arguments: str, cwd: Path = SAMPLES / "kinds", until: Path | None = None
) -> tuple[int, str]:
    """Run the command on a terminal to its end, or to Ctrl-C as soon as a file is there."""
    main, side = pty.openpty()
    command = [str(CI), *arguments]
    with subprocess.Popen(command, cwd=cwd, env=environ, stdin=side, stdout=side, stderr=side) as process:
        os.close(side)
        screen = b""
        while True:
            try:
                data = os.read(main, 65536)
            except OSError:  # how Linux says that the last one has hung up
                break
            if not data:
                break
            screen += data
            if until and until.exists():
                process.send_signal(signal.SIGINT)
                until = None
        os.close(main)
        return process.wait(), screen.decode()
