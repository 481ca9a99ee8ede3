"""The API's Container: what it tells, how it is configured, its files, its commands and its images."""

from typing import TYPE_CHECKING

from slipway_engine.api.container.config import Config
from slipway_engine.api.container.execution import Execution
from slipway_engine.api.container.files import Files
from slipway_engine.api.container.publishing import Publishing
from slipway_engine.api.container.reads import Reads
from slipway_engine.trees import Built, Image

if TYPE_CHECKING:
    from slipway_engine.context import Context

__all__ = ["Container", "built"]


class Container(Reads, Config, Files, Execution, Publishing):
    """A file system, and how commands run in it."""


async def built(ctx: "Context", tree: Built) -> Container:
    """Return the container that a Dockerfile describes."""
    image = await ctx.engine.solver.image(tree)
    return Container().configured(await ctx.engine.docker.image(image) or {}, Image(image))
