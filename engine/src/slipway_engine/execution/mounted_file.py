"""Files that a step has mounted: one that it changes is kept in a volume, as a mounted folder is."""

from pathlib import Path

from slipway_engine.docker.daemon import Daemon
from slipway_engine.files import tar


class MountedFile:
    """A file on the host that a container has mounted, and how it was when the step began."""

    def __init__(self, place: Path, path: str) -> None:
        """Remember the file at `place`, which `path` names in its tree."""
        self.place, self.path = place, path
        self._before = _state(place)

    async def keep(self, daemon: Daemon) -> str | None:
        """Return a volume that holds the file under its path, or nothing when it is as it was."""
        if _state(self.place) == self._before:
            return None
        volume = await daemon.objects.make_volume()
        status, content = self.place.stat(), self.place.read_bytes()
        entry = tar.regular(
            self.path.strip("/"),
            len(content),
            status.st_mode & 0o7777,
            status.st_uid,
            status.st_gid,
            int(status.st_mtime),
        )
        await daemon.docker.put(await daemon.images.reader(volume=volume), "/volume", tar.pack([(entry, content)]))
        return volume


def _state(place: Path) -> tuple[int, ...]:
    status = place.stat()
    return status.st_mtime_ns, status.st_size, status.st_mode, status.st_uid, status.st_gid
