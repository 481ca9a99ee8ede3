"""What a step needs of ours and an image may lack: a static busybox and the host's CA certificates, in one volume.

It is mounted below /dev, which is a file system in memory: no mount point is left in the step's image.
"""

import hashlib
import os
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from slipway_engine import tar

if TYPE_CHECKING:
    from slipway_engine.engine import Engine

BUSYBOX = "busybox:1"
FOLDER = "/dev/.slipway"
BUNDLE = f"{FOLDER}/ca-certificates.crt"

# How the usual tools are told of a CA bundle.
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
        """The mount, as Docker's API wants it."""
        return {
            "Type": "volume",
            "Source": self.volume,
            "Target": self.folder,
            "ReadOnly": True,
            "VolumeOptions": {"NoCopy": True},
        }


@cache
def host_bundle() -> bytes | None:
    """Return the host's CA bundle when it holds more than a distribution's own, as behind a company's proxy."""
    named = os.environ.get("SSL_CERT_FILE")
    local = any(Path("/usr/local/share/ca-certificates").glob("**/*.crt"))
    bundle = Path(named or "/etc/ssl/certs/ca-certificates.crt")
    return bundle.read_bytes() if (named or local) and bundle.is_file() else None


async def install(engine: "Engine") -> Tools:
    """Make the volume unless it is there, named by what it holds."""
    image = await engine.busybox()
    bundle = host_bundle() or b""
    name = f"slipway-tools-{engine.store.name}-{hashlib.sha256(image.encode() + bundle).hexdigest()[:16]}"
    async with engine.once(name):
        if engine.store.get_json("volume", name) and await engine.docker.volume_exists(name):
            return Tools(name)
        await engine.docker.create_volume(name, engine.labels())
        mount = {"Type": "volume", "Source": name, "Target": "/tools", "VolumeOptions": {"NoCopy": True}}
        async with engine.container({"Image": image, "HostConfig": {"Mounts": [mount]}}) as container:
            binary = await _read_busybox(engine, container)
            files = [(tar.regular("busybox", len(binary), 0o755), binary)]
            files.append((tar.regular("ca-certificates.crt", len(bundle)), bundle))
            await engine.docker.put(container, "/tools", tar.pack(files))
        engine.store.put_json("volume", name, value=True)
    return Tools(name)


async def has_static_busybox(engine: "Engine", image: str) -> bool:
    """Return whether an image has a busybox that runs in every image: one that asks for no dynamic linker."""
    reader = await engine.reader(image=image)
    if await engine.docker.stat(reader, "/bin/busybox", follow=True) is None:
        return False
    # The linker's path stands at the beginning of a program that asks for one.
    return b"/ld-" not in (await _read_busybox(engine, reader))[:4096]


async def _read_busybox(engine: "Engine", container: str) -> bytes:
    stat = await engine.docker.stat(container, "/bin/busybox", follow=True)
    async with engine.docker.get(container, stat.path if stat else "/bin/busybox") as busybox:
        return await tar.read(busybox, tar.first_file) or b""
