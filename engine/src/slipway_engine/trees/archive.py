"""Containers as image archives: the layers as Docker has them, the configuration written by us.

Docker's own configuration of a step's image holds what the step ran with, in its history too. Ours holds what the
container's description says and nothing else, with no time in it: the same container makes the same archive.
"""

import asyncio
import hashlib
import io
import json
import tarfile
import tempfile
from pathlib import Path
from typing import IO, Any

from slipway_engine.docker.client import Docker
from slipway_engine.files import tar
from slipway_engine.model.container import ContainerSpec, Tarball

EPOCH = "1970-01-01T00:00:00Z"
OCI = {
    "config": "application/vnd.oci.image.config.v1+json",
    "layer": "application/vnd.oci.image.layer.v1.tar",
    "manifest": "application/vnd.oci.image.manifest.v1+json",
}
DOCKER = {
    "config": "application/vnd.docker.container.image.v1+json",
    "layer": "application/vnd.docker.image.rootfs.diff.tar",
    "manifest": "application/vnd.docker.distribution.manifest.v2+json",
}


async def pack(docker: Docker, image: str, tree: Tarball, place: Path) -> None:
    """Write a container whose files are an image's as an archive that `docker load` and OCI tools take."""
    config = configuration(tree.container, await docker.image(image) or {})
    types = OCI if tree.media_types.lower().startswith("oci") else DOCKER
    with tempfile.TemporaryFile() as saved:
        async with docker.request("GET", f"images/{image}/get") as response:
            async for chunk in response.content.iter_chunked(tar.CHUNK):
                await asyncio.to_thread(saved.write, chunk)
        await asyncio.to_thread(_repack, saved, place, config, types)


def configuration(container: ContainerSpec, inspected: dict[str, Any]) -> dict[str, Any]:
    """Return an image's configuration in OCI's form: https://github.com/opencontainers/image-spec/blob/main/config.md."""
    layers = inspected["RootFS"].get("Layers") or []
    settings: dict[str, Any] = {
        "User": container.user_name,
        "Env": [f"{name}={value}" for name, value in container.environment],
        "Entrypoint": list(container.entrypoint_args) or None,
        "Cmd": list(container.command) or None,
        "WorkingDir": container.working_directory,
        "Labels": dict(container.label_items) or None,
        "ExposedPorts": {f"{port.port}/{port.protocol.lower()}": {} for port in container.ports} or None,
        "Healthcheck": container.healthcheck.as_config() if container.healthcheck else None,
    }
    operating_system, _, architecture = container.platform_name.partition("/")
    return {
        "created": EPOCH,
        "architecture": architecture.partition("/")[0],
        "os": operating_system,
        "config": {name: value for name, value in settings.items() if value},
        "rootfs": {"type": "layers", "diff_ids": layers},
        "history": [{"created": EPOCH, "created_by": "slipway"} for _ in layers],
    }


def _repack(saved: IO[bytes], place: Path, config: dict[str, Any], types: dict[str, str]) -> None:
    """Copy a saved image's layers into a new archive, each once and under its digest, and add what describes them."""
    wanted = [digest.removeprefix("sha256:") for digest in config["rootfs"]["diff_ids"]]
    sizes: dict[str, int] = {}
    saved.seek(0)
    with tarfile.open(fileobj=saved) as image, tarfile.open(place, "w", format=tarfile.PAX_FORMAT) as archive:
        for entry in image:
            content = image.extractfile(entry) if entry.isreg() else None
            if content is None or not (entry.name.endswith("layer.tar") or entry.name.startswith("blobs/")):
                continue
            name = tar.sha256(content)
            if name in wanted and name not in sizes:
                sizes[name] = entry.size
                content.seek(0)
                archive.addfile(tar.regular(f"blobs/sha256/{name}", entry.size), content)
        blob = json.dumps(config, sort_keys=True, separators=(",", ":")).encode()
        _describe(archive, blob, [(digest, sizes[digest]) for digest in wanted], types)


def _describe(archive: tarfile.TarFile, config: bytes, layers: list[tuple[str, int]], types: dict[str, str]) -> None:
    manifest = {
        "schemaVersion": 2,
        "mediaType": types["manifest"],
        "config": _descriptor(types["config"], hashlib.sha256(config).hexdigest(), len(config)),
        "layers": [_descriptor(types["layer"], digest, size) for digest, size in layers],
    }
    body = _dump(manifest)
    index = {
        "schemaVersion": 2,
        "manifests": [_descriptor(types["manifest"], hashlib.sha256(body).hexdigest(), len(body))],
    }
    legacy = [
        {
            "Config": _blob(config),
            "RepoTags": None,
            "Layers": [f"blobs/sha256/{digest}" for digest, _ in layers],
        }
    ]
    files = {
        _blob(config): config,
        _blob(body): body,
        "index.json": _dump(index),
        "manifest.json": _dump(legacy),
        "oci-layout": _dump({"imageLayoutVersion": "1.0.0"}),
    }
    for name, data in files.items():
        archive.addfile(tar.regular(name, len(data)), io.BytesIO(data))


def _descriptor(media_type: str, digest: str, size: int) -> dict[str, Any]:
    return {"mediaType": media_type, "digest": f"sha256:{digest}", "size": size}


def _blob(data: bytes) -> str:
    return f"blobs/sha256/{hashlib.sha256(data).hexdigest()}"


def _dump(value: Any) -> bytes:
    return json.dumps(value, sort_keys=True, separators=(",", ":")).encode()
