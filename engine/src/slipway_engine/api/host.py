"""The API's Host and Socket: folders, files, ports and sockets of the machine."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from slipway_engine.api.base import Object
from slipway_engine.api.context import Context
from slipway_engine.api.directory import Directory, Patterns
from slipway_engine.api.file import File
from slipway_engine.api.service import HostService, Service, Tunnel
from slipway_engine.errors import UsageError
from slipway_engine.model.service import Forward
from slipway_engine.model.tree import Filter


@dataclass(frozen=True)
class Socket(Object):
    """A Unix socket of the host."""

    path: str


@dataclass(frozen=True)
class Host(Object):
    """The host; relative paths start in the command's folder."""

    async def directory(
        self,
        ctx: Context,
        path: str,
        exclude: Patterns = None,
        include: Patterns = None,
        no_cache: bool = False,
        gitignore: bool = False,
    ) -> Directory:
        """Take a snapshot of a folder."""
        chosen = Filter(tuple(include or ()), tuple(exclude or ()), gitignore)
        place = _existing(ctx, path)
        return Directory(await ctx.engine.uploads.take(place, chosen))

    async def file(self, ctx: Context, path: str, no_cache: bool = False) -> File:
        """Take a snapshot of a file."""
        place = _existing(ctx, path)
        if place.is_dir():
            raise UsageError(f"{path}: is a directory, not a file")
        upload = await ctx.engine.uploads.take(place.parent, Filter(include=(_literal(place.name),)))
        return File(upload, f"/{place.name}")

    def find_up(self, ctx: Context, name: str, no_cache: bool = False) -> str | None:
        """Return the path of the nearest entry of that name, from the command's folder upwards."""
        for folder in (ctx.engine.workdir, *ctx.engine.workdir.parents):
            if (folder / name).exists():
                return str(folder / name)
        return None

    def unix_socket(self, ctx: Context, path: str) -> Socket:
        """Return a socket."""
        return Socket(str(Path(ctx.engine.workdir, path)))

    def service(self, _: Context, ports: list[dict[str, Any]], host: str = "localhost") -> HostService:
        """Return ports of the host as a service."""
        if not ports:
            raise UsageError("at least one port must be provided")
        return HostService(Forward.all(ports), host)

    def tunnel(
        self, ctx: Context, service: Service, native: bool = False, ports: list[dict[str, Any]] | None = None
    ) -> Tunnel:
        """Return a service whose ports are reached on the host: at free ones, at their own, or at those given."""
        forwards = Forward.all(ports)
        if not forwards:
            forwards = tuple(Forward(p.port, p.port if native else 0, p.protocol) for p in service.ports(ctx))
        if not forwards:
            raise UsageError("no ports to forward: the service exposes none")
        return Tunnel(service, forwards)


def _existing(ctx: Context, path: str) -> Path:
    place = Path(ctx.engine.workdir, Path(path).expanduser())
    if not place.exists():
        raise UsageError(f"{path}: no such file or directory")
    return place.resolve()


def _literal(name: str) -> str:
    return "".join(f"\\{char}" if char in "*?[]\\!" else char for char in name)
