"""Containers from images, and images from containers."""

import base64
import json
import uuid
from pathlib import Path
from typing import Any, Self

from slipway_engine.api.container.state import State
from slipway_engine.api.context import Context
from slipway_engine.api.file import File
from slipway_engine.docker.images import split_reference
from slipway_engine.errors import EngineError, Unsupported
from slipway_engine.files import tar
from slipway_engine.model.container import Tarball
from slipway_engine.model.tree import Image

OCI = "OCIMediaTypes"


class Publishing(State):
    """The fields that read and write images."""

    async def from_(self, ctx: Context, address: str, registry_service: Any = None) -> Self:
        """Start from an image: its files and its configuration."""
        if registry_service:
            raise Unsupported("Container.from(registryService)", "Docker pulls by itself")
        image = await ctx.engine.daemon.images.pull(address, await self._login(ctx, address))
        inspected = await ctx.engine.daemon.images.inspect(image)
        return self.with_image_config(inspected, Image(image)).replace(reference=_reference(address, inspected))

    async def import_(self, ctx: Context, source: File, tag: str = "") -> Self:
        """Start from an image archive."""
        image = await _load(ctx, source)
        inspected = await ctx.engine.daemon.images.inspect(image)
        return self.with_image_config(inspected, Image(image))

    async def publish(
        self,
        ctx: Context,
        address: str,
        platform_variants: tuple[Any, ...] = (),
        forced_compression: str | None = None,
        media_types: str = OCI,
        registry_service: Any = None,
    ) -> str:
        """Push the container to a registry and return the address with the digest."""
        if platform_variants or registry_service or forced_compression:
            raise Unsupported("Container.publish(platformVariants, forcedCompression, registryService)")
        docker = ctx.engine.daemon.docker
        image = await self.load(ctx)
        name, tag = split_reference(address)
        auth = await self._login(ctx, address) or base64.b64encode(b"{}").decode()
        with ctx.engine.events.span(f"push {address}"):
            await docker.call("POST", f"images/{image}/tag", repo=name, tag=tag)
            digest = ""
            async for line in docker.progress(
                "POST", f"images/{name}/push", tag=tag, headers={"X-Registry-Auth": auth}
            ):
                digest = (line.get("aux") or {}).get("Digest", digest)
        if not digest:
            raise EngineError(f"{address}: the registry did not return a digest")
        return f"{name}:{tag}@{digest}"

    def as_tarball(
        self,
        ctx: Context,
        platform_variants: tuple[Any, ...] = (),
        forced_compression: str | None = None,
        media_types: str = OCI,
    ) -> File:
        """Return the container as an image archive."""
        if platform_variants or forced_compression not in (None, "Uncompressed", "UNCOMPRESSED"):
            raise Unsupported("Container.asTarball(platformVariants, forcedCompression)", "layers are not compressed")
        return File(Tarball(self.replace(last=None), media_types), "/container.tar")

    async def export(
        self,
        ctx: Context,
        path: str,
        platform_variants: tuple[Any, ...] = (),
        forced_compression: str | None = None,
        media_types: str = OCI,
        expand: bool = False,
    ) -> str:
        """Write the container to the host as an image archive."""
        archive = self.as_tarball(ctx, platform_variants, forced_compression, media_types)
        target = Path(ctx.engine.workdir, self.expand_variables(path, expand))
        await ctx.engine.trees.export(archive, target)
        return str(target.resolve())

    async def load(self, ctx: Context) -> str:
        """Load the container into Docker as an image with its own configuration, and return that image's ID."""
        return await _load(ctx, self.as_tarball(ctx, media_types="DockerMediaTypes"))

    async def _login(self, ctx: Context, address: str) -> str:
        for login in self.logins:
            host = login.address.removeprefix("https://").removeprefix("http://").partition("/")[0]
            if address.startswith(host + "/"):
                password = await ctx.engine.secrets.plaintext(login.secret)
                config = {"username": login.username, "password": password, "serveraddress": host}
                return base64.urlsafe_b64encode(json.dumps(config).encode()).decode()
        return ""


async def _load(ctx: Context, archive: File) -> str:
    """Load an image archive and return the image's ID."""
    name = ""
    folder = ctx.engine.store.folder / "archives"
    place = folder / f"{uuid.uuid4().hex}.tar"
    try:
        await ctx.engine.trees.export(archive, place)
        async for line in ctx.engine.daemon.docker.progress(
            "POST", "images/load", data=tar.file_chunks(place), quiet=False
        ):
            text = line.get("stream", "")
            if text.startswith("Loaded image"):
                name = text.partition(": ")[2].strip()
    finally:
        place.unlink(missing_ok=True)
    found = await ctx.engine.daemon.docker.image(name) if name else None
    if found is None:
        raise EngineError("the file is not an image archive that Docker can load")
    return str(found["Id"])


def _reference(address: str, inspected: dict[str, Any]) -> str:
    digests = [digest.partition("@")[2] for digest in inspected.get("RepoDigests") or ()]
    name, tag = split_reference(address)
    if tag.startswith("sha256:"):
        return address
    host = name.partition("/")[0]
    if "." not in host and ":" not in host and host != "localhost":
        name = f"docker.io/{name}" if "/" in name else f"docker.io/library/{name}"
    return f"{name}:{tag}@{digests[0] if digests else inspected['Id']}"
