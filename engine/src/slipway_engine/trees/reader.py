"""What makes and what changes trees needs of the one that reads them."""

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager
from typing import Protocol

from slipway_engine.files.manifest import Manifest
from slipway_engine.model.tree import Location

Stream = AbstractAsyncContextManager[AsyncIterator[bytes]]
Description = tuple[str, int, int]  # kind ("d", "f", "l"), permission bits and size in bytes


class Reader(Protocol):
    """Reads locations, wherever their trees come from."""

    def open(self, location: Location) -> Stream:
        """Read a folder as a tar stream with paths relative to it, or a file as a stream with one entry."""

    async def contents(self, location: Location) -> bytes:
        """Return a file's bytes."""

    async def hashed_listing(self, location: Location) -> Manifest:
        """Return what a folder holds, with its files' hashes."""

    async def stat(self, location: Location, *, follow: bool) -> Description | None:
        """Describe a path, or return nothing when it is not there."""
