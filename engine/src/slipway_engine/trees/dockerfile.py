"""Dockerfiles, built by the BuildKit inside Docker."""

import posixpath
import re

from slipway_engine.docker.buildkit import IMAGE, Progress
from slipway_engine.docker.daemon import Daemon
from slipway_engine.errors import DockerError, EngineError
from slipway_engine.events import Events
from slipway_engine.model.tree import Built, Filter, Location, Selected
from slipway_engine.trees.reader import Reader

# The first Docker whose own frontend knows heredocs; before, a line `# syntax=…` names one that does:
# https://docs.docker.com/build/buildkit/dockerfile-release-notes/#140
HEREDOCS_SINCE = 23
HEREDOC = re.compile(r"^\s*(RUN|COPY|ADD)\b.*<<-?\s*[\"']?[A-Za-z_]", re.IGNORECASE | re.MULTILINE)
SYNTAX = re.compile(r"\A(\s*#.*\n)*\s*#\s*syntax\s*=", re.IGNORECASE)
LAST_LINES = 20  # of the build's output, which its error ends with


async def build_image(daemon: Daemon, events: Events, reader: Reader, tree: Built, step: str) -> str:
    """Build a folder's Dockerfile and return the image's ID.

    Raises EngineError with the builder's last lines when it fails, or by name what this Docker cannot build.
    """
    await _refuse_unknown(daemon, reader, tree)
    image, lines, progress = "", [], Progress()
    with events.span(f"docker build -f {tree.dockerfile}") as span:
        output = events.stream(span)
        async with reader.open(await _context(reader, tree)) as context:
            try:
                async for line in daemon.docker.progress(
                    "POST",
                    "build",
                    data=context,
                    version="2",
                    dockerfile=tree.dockerfile,
                    target=tree.target or None,
                    buildargs=dict(tree.arguments),
                    platform=tree.platform or None,
                    labels=daemon.objects.labels(step=step),
                ):
                    if line.get("id") == IMAGE:
                        image = line["aux"]["ID"]
                    for text in progress.read(line):
                        lines.append(text)
                        output.add(f"{text}\n".encode())
            except DockerError as error:
                tail = "\n".join([*lines, *progress.close()][-LAST_LINES:])
                raise EngineError(f"{tree.dockerfile}: {error}\n{tail}".rstrip()) from error
            else:
                for text in progress.close():
                    output.add(f"{text}\n".encode())
            finally:
                output.finish()
    return image


async def _refuse_unknown(daemon: Daemon, reader: Reader, tree: Built) -> None:
    """Raise EngineError for a heredoc that this Docker would take for a shell's redirection."""
    place = Location(tree.context.tree, posixpath.join(tree.context.path, tree.dockerfile))
    if await reader.stat(place, follow=True) is None:
        return
    text = (await reader.contents(place)).decode(errors="replace")
    if SYNTAX.match(text) or not (found := HEREDOC.search(text)):
        return
    version = str((await daemon.docker.call("GET", "version"))["Version"])
    if int(version.partition(".")[0]) < HEREDOCS_SINCE:
        line = text.count("\n", 0, found.start()) + 1
        raise EngineError(
            f"{tree.dockerfile}:{line}: heredocs need Docker {HEREDOCS_SINCE} or newer, and this one is {version}: "
            "update Docker, or let the first line be `# syntax=docker/dockerfile:1`, which fetches a newer frontend"
        )


async def _context(reader: Reader, tree: Built) -> Location:
    """Return what of the folder is sent to the builder: all that .dockerignore leaves, and the Dockerfile."""
    for name in (f"{tree.dockerfile}.dockerignore", ".dockerignore"):
        place = Location(tree.context.tree, posixpath.join(tree.context.path, name))
        if await reader.stat(place, follow=True) is not None:
            lines = (await reader.contents(place)).decode(errors="replace").splitlines()
            patterns = [line.strip() for line in lines if line.strip() and not line.startswith("#")]
            return Location(Selected(tree.context, Filter(exclude=(*patterns, f"!{tree.dockerfile}"))))
    return tree.context
