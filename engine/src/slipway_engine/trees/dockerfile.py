"""Dockerfiles, built by Docker's own builder."""

import posixpath

from slipway_engine.docker.daemon import Daemon
from slipway_engine.errors import DockerError, EngineError
from slipway_engine.events import Events
from slipway_engine.model.tree import Built, Filter, Location, Selected
from slipway_engine.trees.reader import Reader


async def build_image(daemon: Daemon, events: Events, reader: Reader, tree: Built, step: str) -> str:
    """Build a folder's Dockerfile and return the image's ID.

    Raises EngineError with the builder's last lines when it fails.
    """
    image, lines = "", []
    with events.span(f"docker build -f {tree.dockerfile}") as span:
        async with reader.open(await _context(reader, tree)) as context:
            try:
                async for line in daemon.docker.progress(
                    "POST",
                    "build",
                    data=context,
                    dockerfile=tree.dockerfile,
                    target=tree.target or None,
                    buildargs=dict(tree.arguments),
                    platform=tree.platform or None,
                    labels=daemon.objects.labels(step=step),
                    rm=True,
                    forcerm=True,
                ):
                    image = line.get("aux", {}).get("ID", image)
                    for text in line.get("stream", "").splitlines():
                        lines.append(text)
                        events.log(span, text)
            except DockerError as error:
                tail = "\n".join(lines[-20:])
                raise EngineError(f"{tree.dockerfile}: {error}\n{tail}".rstrip()) from error
    return image


async def _context(reader: Reader, tree: Built) -> Location:
    """Return what of the folder is sent to the builder: all that .dockerignore leaves, and the Dockerfile."""
    for name in (f"{tree.dockerfile}.dockerignore", ".dockerignore"):
        place = Location(tree.context.tree, posixpath.join(tree.context.path, name))
        if await reader.stat(place, follow=True) is not None:
            lines = (await reader.contents(place)).decode(errors="replace").splitlines()
            patterns = [line.strip() for line in lines if line.strip() and not line.startswith("#")]
            return Location(Selected(tree.context, Filter(exclude=(*patterns, f"!{tree.dockerfile}"))))
    return tree.context
