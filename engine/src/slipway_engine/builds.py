"""Dockerfiles, by Docker's own builder."""

import posixpath
from typing import TYPE_CHECKING

from slipway_engine.errors import DockerError, EngineError
from slipway_engine.trees import Built, Filter, Location, Selected

if TYPE_CHECKING:
    from slipway_engine.engine import Engine


async def _context(engine: "Engine", tree: Built) -> Location:
    """Return what of the folder is sent to the builder: all that .dockerignore leaves, and the Dockerfile."""
    for name in (f"{tree.dockerfile}.dockerignore", ".dockerignore"):
        place = Location(tree.context.tree, posixpath.join(tree.context.path, name))
        if await engine.solver.stat(place, follow=True) is not None:
            lines = (await engine.solver.contents(place)).decode(errors="replace").splitlines()
            patterns = [line.strip() for line in lines if line.strip() and not line.startswith("#")]
            return Location(Selected(tree.context, Filter(exclude=(*patterns, f"!{tree.dockerfile}"))))
    return tree.context


async def build(engine: "Engine", tree: Built, step: str) -> str:
    """Build a folder's Dockerfile and return the image's ID.

    Raises EngineError with the builder's last lines when it fails.
    """
    image, lines = "", []
    with engine.events.span(f"docker build -f {tree.dockerfile}") as span:
        async with engine.solver.open(await _context(engine, tree)) as context:
            try:
                async for line in engine.docker.progress(
                    "POST",
                    "build",
                    data=context,
                    dockerfile=tree.dockerfile,
                    target=tree.target or None,
                    buildargs=dict(tree.arguments),
                    platform=tree.platform or None,
                    labels=engine.labels(step=step),
                    rm=True,
                    forcerm=True,
                ):
                    image = line.get("aux", {}).get("ID", image)
                    for text in line.get("stream", "").splitlines():
                        lines.append(text)
                        engine.events.log(span, engine.secrets.scrub(text))
            except DockerError as error:
                tail = "\n".join(lines[-20:])
                raise EngineError(f"{tree.dockerfile}: {error}\n{tail}".rstrip()) from error
    return image
