"""The engine's own tools for steps whose image lacks them: a static busybox and the host's CA certificates.

One volume holds them. It is mounted below /dev, which is a file system in memory: no mount point is left in a step's
image.
"""

import hashlib
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from slipway_engine.docker.client import Docker
from slipway_engine.docker.images import Images
from slipway_engine.docker.objects import Objects
from slipway_engine.files import tar
from slipway_engine.store.database import Store

FOLDER = "/dev/.slipway"
BUNDLE = f"{FOLDER}/ca-certificates.crt"

# The variables that usual tools read for a CA bundle.
CA_VARIABLES = (
    "SSL_CERT_FILE",
    "CURL_CA_BUNDLE",
    "GIT_SSL_CAINFO",
    "NODE_EXTRA_CA_CERTS",
    "PIP_CERT",
    "REQUESTS_CA_BUNDLE",
)


@dataclass(frozen=True)
class Tools:
    """The volume with the tools."""

    volume: str
    folder: str = FOLDER

    @property
    def mount(self) -> dict[str, Any]:
        """The mount in the form of Docker's API."""
        return {
            "Type": "volume",
            "Source": self.volume,
            "Target": self.folder,
            "ReadOnly": True,
            "VolumeOptions": {"NoCopy": True},
        }


class Toolbox:
    """The tools of one session, put into their volume when the first step needs them."""

    def __init__(self, docker: Docker, objects: Objects, images: Images, store: Store, ca_bundle: Path | None) -> None:
        """Start without the volume; `ca_bundle` holds the certificates that the host names."""
        self._docker, self._objects, self._images, self._store = docker, objects, images, store
        self._ca_bundle = ca_bundle
        self._tools: Tools | None = None

    @cached_property
    def host_bundle(self) -> bytes | None:
        """The host's CA bundle when it holds more than a distribution's own, as behind a company's proxy."""
        local = any(Path("/usr/local/share/ca-certificates").glob("**/*.crt"))
        bundle = self._ca_bundle or Path("/etc/ssl/certs/ca-certificates.crt")
        return bundle.read_bytes() if (self._ca_bundle or local) and bundle.is_file() else None

    async def get(self) -> Tools:
        """Return the volume with the tools."""
        if self._tools is None:
            self._tools = await self._install()
        return self._tools

    async def _install(self) -> Tools:
        """Make the volume unless it is there, named by what it holds."""
        image = await self._images.busybox()
        bundle = self.host_bundle or b""
        name = f"slipway-tools-{self._store.name}-{hashlib.sha256(image.encode() + bundle).hexdigest()[:16]}"
        async with self._objects.once(name):
            if not (self._store.get_json("volume", name) and await self._docker.volume_exists(name)):
                await self._fill(name, image, bundle)
                self._store.put_json("volume", name, value=True)
        return Tools(name)

    async def _fill(self, volume: str, image: str, bundle: bytes) -> None:
        docker = self._docker
        await docker.create_volume(volume, self._objects.labels(step=""))
        mount = {"Type": "volume", "Source": volume, "Target": "/tools", "VolumeOptions": {"NoCopy": True}}
        async with self._objects.container({"Image": image, "HostConfig": {"Mounts": [mount]}}) as container:
            binary = await self._images.read_busybox(container)
            files = [(tar.regular("busybox", len(binary), 0o755), binary)]
            files.append((tar.regular("ca-certificates.crt", len(bundle)), bundle))
            await docker.put(container, "/tools", tar.pack(files))
