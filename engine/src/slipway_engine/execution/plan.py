"""A container's configuration while it is being collected, mount by mount."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from slipway_engine.execution.mounted_file import MountedFile
from slipway_engine.model.tree import Location


@dataclass
class Plan:
    """Mounts in the form of Docker's API, and what must be put into the container before it starts."""

    mounts: list[dict[str, Any]] = field(default_factory=list)
    fills: list[tuple[str, Location, str]] = field(default_factory=list)  # path, source, owner
    volumes: dict[str, str] = field(default_factory=dict)  # the folders that the step can write: path → volume
    files: dict[str, MountedFile] = field(default_factory=dict)  # the mounted files, by path

    def volume(self, name: str, path: str, *, read_only: bool = False) -> None:
        """Mount a volume, without what the image has at its path."""
        options = {"NoCopy": True}
        self.mounts.append(
            {"Type": "volume", "Source": name, "Target": path, "ReadOnly": read_only, "VolumeOptions": options}
        )

    def bind(self, source: Path | str, path: str, *, read_only: bool) -> None:
        """Mount a file or folder of the host."""
        self.mounts.append({"Type": "bind", "Source": str(source), "Target": path, "ReadOnly": read_only})
