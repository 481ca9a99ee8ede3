"""`--changes FILE`: patches of what was changed in shells, and the commands that apply them."""

import asyncio
import contextlib
import os
import shlex
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

from slipway_engine.engine import Engine
from slipway_engine.errors import EngineError, UsageError
from slipway_engine.execution.shell_patch import ShellPatch

MOST_PLACES = 50  # how many folders of a repository are tried, when many hold a file of the same name


@contextlib.contextmanager
def keep_patches(typed: str, engine: Engine) -> Iterator[None]:
    """Keep the patches of shells while the block runs, if the command names a file for them.

    Raises UsageError when the file cannot be written, EngineError when git is not there.
    """
    if not typed:
        yield
        return
    file = PatchFile(typed)
    file.require()
    engine.terminals.keep_patch = file.keep
    yield
    if not file.shells:
        _print(f"--changes: no shell was opened, so {typed} was not written")


class PatchFile:
    """The file for the patch of a shell; patches of further shells get files beside it."""

    def __init__(self, typed: str) -> None:
        """Keep the name as it was typed; `shells` counts the shells."""
        self._typed, self.shells = typed, 0

    def require(self) -> None:
        """Raise an error unless the file can be written."""
        place = Path(self._typed)
        new = not place.exists()
        try:
            with place.open("ab"):
                pass
        except OSError as error:
            raise UsageError(f"--changes: {self._typed}: cannot be written: {error.strerror}") from error
        if new:
            place.unlink()
        if shutil.which("git") is None:
            raise EngineError("--changes: patches are made by git, and it is not in the PATH: install git")

    async def keep(self, shell: ShellPatch) -> None:
        """Write a patch and print how to apply it; without changes, print that."""
        self.shells += 1
        place = Path(self._typed)
        if self.shells > 1:
            place = place.with_stem(f"{place.stem}-{self.shells}")
        if not shell.patch:
            _print(f"Nothing was changed below {shell.folder}, so {place} was not written.")
            return
        try:
            place.write_bytes(shell.patch)
        except OSError as error:
            raise EngineError(f"--changes: {place}: {error.strerror}") from error
        _print(f"What was changed below {shell.folder} is in {place}. {await _advice(place, shell)}")


async def _advice(place: Path, shell: ShellPatch) -> str:
    """Return the command to type: git reads a patch's paths from a repository's root, in whatever folder it runs."""
    top = (await _git("rev-parse", "--show-toplevel")).strip()
    folder = await _folder(top, place, shell) if top else None
    command = ["git"]
    if top and not Path(top).samefile(Path.cwd()):
        command += ["-C", top]
        place = place.absolute()
    command += [
        "apply",
        *([f"--directory={'FOLDER' if folder is None else folder}"] if folder != "" else []),
        str(place),
    ]
    known = f", FOLDER being the one of the repository that {shell.folder} was made of" if folder is None else ""
    return f"To apply it{known}:\n  {shlex.join(command)}"


async def _folder(top: str, place: Path, shell: ShellPatch) -> str | None:
    """Return the one folder, relative to a repository's root, to which a patch applies; nothing for none or many."""
    if not shell.before:
        return None
    name = max(shell.before, key=len)
    listed = await _git("-C", top, "ls-files", "-z", "--cached", "--others", "--exclude-standard", f":(glob)**/{name}")
    folders = sorted({path[: -len(name)].rstrip("/") for path in listed.split("\0") if path.endswith(name)})
    matching = [folder for folder in folders[:MOST_PLACES] if await _fits(top, folder, place)]
    return matching[0] if len(matching) == 1 else None


async def _fits(top: str, folder: str, place: Path) -> bool:
    return await _run("-C", top, "apply", "--check", f"--directory={folder}", str(place.absolute())) is not None


async def _git(*arguments: str) -> str:
    return await _run(*arguments) or ""


async def _run(*arguments: str) -> str | None:
    """Return what git prints, or nothing when it fails."""
    process = await asyncio.create_subprocess_exec(
        "git",
        *arguments,
        env=os.environ | {"LC_ALL": "C"},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
    )
    out, _ = await process.communicate()
    return None if process.returncode else out.decode(errors="surrogateescape")


def _print(text: str) -> None:
    sys.stderr.write(f"{text}\n")
    sys.stderr.flush()
