"""Ctrl-C: the function's process is gone, nothing is left, and the status is 130."""

import os
import signal
import subprocess
import time
from pathlib import Path

from .conftest import CI, SAMPLES


def test_ctrl_c_ends_the_function(environ: dict[str, str], tmp_path: Path) -> None:
    with _waiting(environ, tmp_path / "pid") as process:
        pid = _wait_for(tmp_path / "pid")
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=20)
    assert (process.returncode, err.splitlines()[-1]) == (130, "Canceled.")
    assert not _alive(pid)


def test_a_killed_command_takes_the_function_along(environ: dict[str, str], tmp_path: Path) -> None:
    with _waiting(environ, tmp_path / "pid") as process:
        pid = _wait_for(tmp_path / "pid")
        process.kill()
    deadline = time.monotonic() + 10
    while _alive(pid) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not _alive(pid)


def test_ctrl_c_after_the_error_lets_the_cleaning_up_end(environ: dict[str, str]) -> None:
    command = [str(CI), "-q", "call", "broken"]
    with subprocess.Popen(command, cwd=SAMPLES / "steps", env=environ, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr
        assert any(line.startswith("Error: ") for line in process.stderr)
        process.send_signal(signal.SIGINT)
        assert (process.stderr.read(), process.wait(timeout=30)) == ("", 1)


def _waiting(environ: dict[str, str], path: Path) -> subprocess.Popen[str]:
    command = [str(CI), "call", "wait", "--path", str(path)]
    return subprocess.Popen(command, cwd=SAMPLES / "kinds", env=environ, stderr=subprocess.PIPE, text=True)


def _wait_for(path: Path) -> int:
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        if path.exists() and (text := path.read_text()):
            return int(text)
        time.sleep(0.05)
    raise TimeoutError(path)


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
