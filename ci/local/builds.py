"""Dockerfiles, by Docker's own builder."""

from typing import TYPE_CHECKING

from ci.local.errors import DockerError, EngineError
from ci.local.trees import Built

if TYPE_CHECKING:
    from ci.local.engine import Engine


async def build(engine: "Engine", tree: Built, step: str) -> str:
    """Build a folder's Dockerfile and return the image's ID.

    Raises EngineError with the builder's last lines when it fails.
    """
    image, lines = "", []
    with engine.events.span(f"docker build -f {tree.dockerfile}") as span:
        async with engine.solver.open(tree.context) as context:
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
