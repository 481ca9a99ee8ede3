"""Progress on the standard error: plain lines, dots, nothing, and a live tree on a terminal."""

import os
import pty
import re
import subprocess
from pathlib import Path

from .conftest import CI, SAMPLES, Ci


def test_plain_lines_have_the_step_s_number(ci: Ci) -> None:
    ci("call", "shown")
    err = ci("call", "now", "--progress=plain").err
    assert re.fullmatch(r"#1 Kinds\(\)\n#1 CACHED\n#2 Kinds\.now\n#2 DONE \d+\.\ds\n", err)


def test_dots(ci: Ci) -> None:
    ci("call", "shown")
    assert ci("call", "shown", "--progress", "dots").err == "$$\n"
    assert ci("call", "fail", "--progress", "dots").err.startswith("$X\n✘ Kinds.fail (")


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
    assert "raise RuntimeError(message)" in story
    assert story.rstrip().endswith("Error: it broke")


def _on_terminal(environ: dict[str, str], *arguments: str, cwd: Path = SAMPLES / "kinds") -> tuple[int, str]:
    main, side = pty.openpty()
    with subprocess.Popen([CI, *arguments], cwd=cwd, env=environ, stdin=side, stdout=side, stderr=side) as process:
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
        os.close(main)
        return process.wait(), screen.decode()
