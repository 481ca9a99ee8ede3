"""A folder in memory for secrets on their way into a container."""

import os
import shutil
from pathlib import Path


class Memory:
    """One session's folder in memory, which no other user can enter."""

    def __init__(self, session: str, otherwise: Path) -> None:
        """Name the folder; on a machine without /dev/shm, it lies in another one."""
        base = Path("/dev/shm") if Path("/dev/shm").is_dir() else otherwise  # noqa: S108 - memory on purpose
        self._folder = base / f"slipway-{os.getuid()}-{session}"

    def folder(self) -> Path:
        """Return the folder, made when it is first needed."""
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        return self._folder

    def remove(self) -> None:
        """Remove the folder with all that is in it."""
        shutil.rmtree(self._folder, ignore_errors=True)
