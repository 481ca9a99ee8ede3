"""The API's Container: its description, configuration, files, commands and images."""

from slipway_engine.api.container.config import Config
from slipway_engine.api.container.execution import Execution
from slipway_engine.api.container.files import Files
from slipway_engine.api.container.publishing import Publishing
from slipway_engine.api.container.reads import Reads

__all__ = ["Container"]


class Container(Reads, Config, Files, Execution, Publishing):
    """A file system, and how commands run in it."""
