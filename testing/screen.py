"""A terminal for tests: a pseudo-terminal for one command, with methods that type and wait."""

import fcntl
import os
import pty
import re
import struct
import subprocess
import termios
from pathlib import Path
from typing import Self

from pexpect import TIMEOUT
from pexpect.fdpexpect import fdspawn

# busybox asks where the cursor is, and clears the rest of the line after a change of size
PROMPT = r"[#$] (\x1b\[\d*[a-zA-Z])*$"
DONE = r"done\r\n.*[#$] "
TIMEOUT_SECONDS = 180  # seconds; a machine with much else to do takes its time


class Screen:
    """A running command and its terminal."""

    def __init__(self, *command: str, cwd: Path, environ: dict[str, str]) -> None:
        """Start a command as the only one at a terminal of 24 rows and 80 columns."""
        self._main, side = pty.openpty()
        self.resize(24, 80)
        # Its own session with this terminal, as a login has it: only so do Ctrl-C and changes of size arrive.
        self.process = subprocess.Popen(
            ["setsid", "--ctty", *command],
            cwd=cwd,
            env=environ | {"TERM": "xterm-256color"},
            stdin=side,
            stdout=side,
            stderr=side,
        )
        os.close(side)
        self._expect = fdspawn(self._main, timeout=TIMEOUT_SECONDS, encoding="utf-8", codec_errors="replace")

    def resize(self, rows: int, columns: int) -> None:
        """Change the terminal's size."""
        fcntl.ioctl(self._main, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def __enter__(self) -> Self:
        """Return the screen."""
        return self

    def __exit__(self, *_: object) -> None:
        """Terminate the command."""
        self.process.terminate()
        self.process.wait(timeout=TIMEOUT_SECONDS)

    def wait_for(self, pattern: str = PROMPT, seconds: float = TIMEOUT_SECONDS) -> str:
        """Return what appears up to a pattern, without escape codes; fails when it does not come in time."""
        try:
            self._expect.expect(pattern, timeout=seconds)
        except TIMEOUT:
            shown = _plain(str(self._expect.before))
            raise AssertionError(f"{pattern!r} did not appear in {seconds} seconds, but:\n{shown}") from None
        return _plain(str(self._expect.before) + str(self._expect.after))

    def type(self, text: str) -> None:
        """Type a text as it is."""
        self._expect.send(text)

    def run(self, command: str) -> str:
        """Run a command in the shell and return what it prints."""
        self.type(f"{command}; echo do''ne\n")
        return self.wait_for(DONE).partition("\n")[2].rpartition("done")[0].replace("\r", "")

    def end(self, typed: str = "exit\n") -> tuple[int, str]:
        """Leave the shell, and return the command's exit status and what came last."""
        if typed:
            self.type(typed)
        rest = _plain(self._expect.read())
        status = self.process.wait(timeout=TIMEOUT_SECONDS)
        self._expect.close()
        return status, rest.replace("\r", "")


def _plain(text: str) -> str:
    return re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", text)
