"""The API's Container: what it tells, how it is configured, its files, its commands and its images."""

from typing import TYPE_CHECKING

from ci.local.api.container.config import Config
from ci.local.api.container.execution import Execution
from ci.local.api.container.files import Files
from ci.local.api.container.publishing import Publishing
from ci.local.api.container.reads import Reads
from ci.local.trees import Built, Image

if TYPE_CHECKING:
    from ci.local.context import Context

__all__ = ["Container", "built"]


class Container(Reads, Config, Files, Execution, Publishing):
    """A file system, and how commands run in it."""


async def built(ctx: "Context", tree: Built) -> Container:
    """Return the container that a Dockerfile describes."""
    image = await ctx.engine.solver.image(tree)
    return Container().configured(await ctx.engine.docker.image(image) or {}, Image(image))
