"""Shells at a terminal: in the container of a failed step, in any other, and when there can be none."""

import re
import shutil
import signal
import subprocess
from pathlib import Path

import pytest

from slipway_engine.store.database import Store

from .conftest import SAMPLES, Ci, Sit

SHELLS = SAMPLES / "shells"


def test_shell_has_files_and_environment_of_the_step(sit: Sit, environ: dict[str, str]) -> None:
    screen = sit("call", "-i", "broken")
    screen.wait_for()
    # Not what the container has for `terminal`.
    assert screen.run("echo $0") == "/bin/sh\n"
    assert screen.run("pwd; id -u; cat left mounted/there mounted/left note").split("\n") == [
        *("/work", "1000", "left", "mounted", "left", "a note", "left", ""),
    ]  # fmt: skip
    assert screen.run("echo $COLOUR $PASSWORD; cat /run/token; echo") == "blue open sesame\na token\n"
    assert screen.run("ls -d /cache; wget -qO- http://web:8080/; echo") == "/cache\nserved\n"

    assert screen.run("stty size") == "24 80\n"
    screen.resize(31, 99)
    assert screen.run("until stty size | grep 31; do sleep 0.1; done") == "31 99\n"

    # What says that it has begun is what Ctrl-C ends, so that neither comes too early for the other.
    screen.type("sh -c 'echo be\"\"gun; exec sleep 1000'; echo a''fter\n")
    screen.wait_for("begun")
    screen.type("\x03")
    screen.wait_for()
    assert screen.run("echo still here") == "still here\n"

    assert screen.end() == (1, "exit\n")
    assert _left(environ) == []


def test_no_terminal(ci: Ci) -> None:
    outcome = ci("-q", "call", "-i", "test", cwd=SHELLS)
    assert (outcome.status, outcome.out) == (1, "")
    assert outcome.err.endswith(
        "--interactive: a terminal was asked for, but the command does not run at one: run it in an interactive shell\n"
    )


@pytest.mark.parametrize(
    ("arguments", "name"),
    [
        ("-i --interactive-command nosuch test", "nosuch"),
        ("bare terminal", "sh"),
        ("workbench terminal --cmd /x", "/x"),
    ],
)
def test_a_shell_that_is_not_there(sit: Sit, arguments: str, name: str) -> None:
    status, told = sit("-q", "call", *arguments.split()).end("")
    assert status == 1
    assert f"the container has no command '{name}' to open as a shell: name one that it has" in told
    assert "Traceback" not in told


@pytest.mark.full
def test_no_docker_client(sit: Sit, tmp_path: Path) -> None:
    for program in ("setsid", "git"):
        (tmp_path / program).symlink_to(str(shutil.which(program)))
    status, told = sit("-q", "call", "-i", "test", PATH=str(tmp_path)).end("")
    assert status == 1
    assert "--interactive: a shell needs the program `docker`, the client of the daemon" in told


@pytest.mark.full
def test_ctrl_c_while_steps_run(sit: Sit, environ: dict[str, str]) -> None:
    screen = sit("call", "-i", "slow", "--seconds", "500", cwd=SAMPLES / "steps")
    screen.wait_for("started")
    status, told = screen.end("\x03")
    assert (status, told.splitlines()[-1]) == (130, "Canceled.")
    assert _left(environ) == []


@pytest.mark.full
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_a_signal_while_a_shell_is_open(sit: Sit, environ: dict[str, str], number: signal.Signals) -> None:
    screen = sit("call", "-i", "broken")
    screen.wait_for()
    screen.process.send_signal(number)
    assert screen.end("")[0] == 128 + number
    assert _left(environ) == []


@pytest.mark.full
def test_another_command_at_the_failed_step(sit: Sit) -> None:
    status, told = sit("-q", "call", "-i", "--interactive-command", "sh -c 'cat \"$0\"' answer", "test").end("")
    assert status == 1
    assert told.endswith("leave it with `exit`:\n  sh test.sh\n41\n")


@pytest.mark.full
def test_several_steps_failed(sit: Sit) -> None:
    screen = sit("-q", "call", "-i", "both")
    assert "sh -c 'echo two; exit 1'" in screen.wait_for().partition("(1 of 2 that failed)")[2]
    screen.type("exit\n")
    assert "sh -c 'echo one; exit 1'" in screen.wait_for().partition("(2 of 2 that failed)")[2]
    assert screen.end()[0] == 1


@pytest.mark.full
def test_the_step_that_the_error_is_about_comes_first(sit: Sit) -> None:
    screen = sit("-q", "call", "-i", "second", cwd=SAMPLES / "steps")
    screen.wait_for(r"\(1 of 2 that failed\)")
    screen.wait_for()
    assert screen.run("cat /left") == "the second\n"
    screen.type("exit\n")
    screen.wait_for(r"\(2 of 2 that failed\)")
    screen.wait_for()
    assert screen.end()[0] == 1


@pytest.mark.full
def test_steps_before_a_failed_step_stay_cached(ci: Ci) -> None:
    for _ in range(2):
        outcome = ci("call", "--progress", "plain", "broken", cwd=SHELLS)
    found = re.search(r"(#\d+) chown -R 1000 /work", outcome.err)
    assert found
    assert f"\n{found[1]} CACHED\n" in outcome.err


@pytest.mark.full
def test_checks_that_failed(sit: Sit) -> None:
    screen = sit("-q", "check", "-i")
    screen.wait_for(r"\(1 of 2 that failed\)")
    screen.wait_for()
    screen.type("exit\n")
    screen.wait_for(r"\(2 of 2 that failed\)")
    screen.wait_for()
    assert screen.end()[0] == 1


@pytest.mark.full
def test_a_terminal_in_a_container(sit: Sit, environ: dict[str, str]) -> None:
    screen = sit("call", "workbench", "terminal")
    screen.wait_for()
    assert (
        screen.run("pwd; cat answer mounted/there note; echo $PASSWORD") == "/work\n41\nmounted\na note\nopen sesame\n"
    )
    assert screen.run("wget -qO- http://web:8080/; echo") == "served\n"
    status, told = screen.end("exit 3\n")
    assert (status, told.splitlines()[-1][:17]) == (0, "Container@sha256:")
    assert _left(environ) == []


@pytest.mark.full
def test_a_terminal_in_a_folder_is_for_looking(sit: Sit) -> None:
    screen = sit("call", "workbench", "directory", "--path", "/work", "terminal")
    screen.wait_for()
    assert screen.run("pwd; cat answer; touch x") == "/src\n41\ntouch: x: Read-only file system\n"
    assert screen.end()[0] == 0


def _left(environ: dict[str, str]) -> list[str]:
    """Return what sessions have left in Docker: containers, images and volumes that no stored step needs."""
    store = Store(Path(environ["SLIPWAY_CACHE"]))
    label = f"label=slipway.engine={store.name}"
    kept = {volume for step in store.steps_by_use() for volume in step.volumes.values()}
    store.close()
    containers = _docker("ps", "--all", "--format", "{{.ID}} {{.Command}}", "--filter", label)
    volumes = _docker("volume", "ls", "--format", "{{.Name}}", "--filter", label)
    images = _docker("images", "--all", "--quiet", "--filter", label, "--filter", "label=slipway.step=")
    return containers + images + [name for name in volumes if name.startswith("slipway-mount-") and name not in kept]


def _docker(*words: str) -> list[str]:
    return subprocess.run(["docker", *words], check=True, capture_output=True, text=True).stdout.splitlines()
