"""The API's root."""

import platform
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from slipway_engine.api.address import Address
from slipway_engine.api.base import Object
from slipway_engine.api.call import FunctionCall, FunctionCallArgValue
from slipway_engine.api.container import Container
from slipway_engine.api.context import Call, Context
from slipway_engine.api.directory import Directory
from slipway_engine.api.error import Error
from slipway_engine.api.file import File
from slipway_engine.api.git import GitRepository
from slipway_engine.api.host import Host
from slipway_engine.api.module import CurrentModule, Module
from slipway_engine.api.secret import Secret
from slipway_engine.api.typedef import Function, SourceMap, TypeDef
from slipway_engine.api.volume import CacheVolume
from slipway_engine.errors import EngineError, Unsupported
from slipway_engine.model.node import Node
from slipway_engine.model.operation import Patched, WriteFile
from slipway_engine.model.tree import Download, Location, Scratch
from slipway_engine.trees import sources

VERSION = "v0.21.8"  # of the API
ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64"}


@dataclass(frozen=True)
class Query(Object):
    """Where every query starts."""

    def version(self, _: Context) -> str:
        """Return the version of the API."""
        return VERSION

    def default_platform(self, _: Context) -> str:
        """Return this machine's platform."""
        machine = platform.machine()
        return f"linux/{ARCHITECTURES.get(machine, machine)}"

    def node(self, _: Context, id: Node) -> Node:
        """Return the value that an ID names."""
        return id

    def container(self, ctx: Context, platform: str | None = None) -> Container:
        """Return an empty container."""
        own = self.default_platform(ctx)
        if platform not in (None, own):
            raise Unsupported(f"Query.container(platform: {platform})", f"this machine is {own}")
        return Container(platform_name=own)

    def directory(self, _: Context) -> Directory:
        """Return an empty folder."""
        return Directory()

    def file(self, _: Context, name: str, contents: str, permissions: int = 0o644) -> File:
        """Return a file of this text."""
        if not name or "/" in name:
            raise EngineError(f"{name!r}: is not a file's name: it must not be empty or contain a slash")
        return File(Patched(Scratch(), WriteFile(f"/{name}", contents, permissions)), f"/{name}")

    def cache_volume(
        self,
        _: Context,
        key: str,
        source: Directory | None = None,
        sharing: str = "SHARED",
        owner: str = "",
    ) -> CacheVolume:
        """Return a volume that outlives sessions."""
        start = Location(source.tree, source.path) if source else None
        return CacheVolume(key, start, sharing, owner)

    def host(self, ctx: Context) -> Host:
        """Return the host."""
        return Host()

    def secret(self, _: Context, uri: str, cache_key: str = "") -> Secret:
        """Return the secret that a URI points to."""
        return Secret(uri=uri, cache_key=cache_key)

    def set_secret(self, ctx: Context, name: str, plaintext: str) -> Secret:
        """Keep a value as a secret for this session."""
        return ctx.engine.secrets.keep(Secret(name=name), plaintext)

    def address(self, _: Context, value: str) -> Address:
        """Return a text that names a value."""
        return Address(value)

    async def git(
        self,
        ctx: Context,
        url: str,
        keep_git_dir: bool = True,
        ssh_known_hosts: str = "",
        ssh_auth_socket: Any = None,
        http_auth_username: str = "",
        http_auth_token: Any = None,
        http_auth_header: Any = None,
        experimental_service_host: Any = None,
    ) -> GitRepository:
        """Return a repository; git itself finds its credentials."""
        if any((ssh_known_hosts, ssh_auth_socket, http_auth_token, http_auth_header)):
            raise Unsupported("Query.git with credentials", "git's own configuration is used")
        if experimental_service_host:
            await ctx.engine.services.start(experimental_service_host)
        return GitRepository(url, keep_git_dir)

    async def http(
        self,
        ctx: Context,
        url: str,
        name: str | None = None,
        permissions: int = 0o600,
        checksum: str | None = None,
        auth_header: Secret | None = None,
        experimental_service_host: Any = None,
    ) -> File:
        """Fetch a file now; the same contents are the same value."""
        headers = await sources.authorization(ctx.engine.secrets, auth_header)
        if experimental_service_host:
            await ctx.engine.services.start(experimental_service_host)
        name = name or Path(urlsplit(url).path).name or "index"
        with tempfile.TemporaryDirectory(prefix="slipway-") as folder, ctx.engine.events.span(f"http {url}"):
            found = await sources.download(url, Path(folder, name), headers)
        if checksum and checksum != found:
            raise EngineError(f"{url}: has the checksum {found}, not {checksum}")
        return File(Download(url, name, permissions, found, auth_header), f"/{name}")

    # What the process of a function asks for

    def module(self, _: Context) -> Module:
        """Return an empty module."""
        return Module()

    def type_def(self, _: Context) -> TypeDef:
        """Return an empty type."""
        return TypeDef()

    def function(self, _: Context, name: str, return_type: TypeDef) -> Function:
        """Return a function without arguments."""
        return Function(name, return_type)

    def source_map(self, _: Context, filename: str, line: int, column: int) -> SourceMap:
        """Return a place in a source file."""
        return SourceMap(filename=filename, line=line, column=column)

    def error(self, _: Context, message: str) -> Error:
        """Return an error to be returned by a function."""
        return Error(message)

    def current_function_call(self, ctx: Context) -> FunctionCall:
        """Return the call that the asking process was started for."""
        call = _call(ctx)
        arguments = tuple(FunctionCallArgValue(name, value) for name, value in call.arguments)
        return FunctionCall(call.name, call.parent_name, call.parent, arguments)

    def current_module(self, ctx: Context) -> CurrentModule:
        """Return the module that the asking process belongs to; what is read there is not part of the call's key."""
        call = _call(ctx)
        call.repeatable = False
        return CurrentModule(call.module.name, call.module.root, call.module.include)


def _call(ctx: Context) -> Call:
    if ctx.call is None:
        raise EngineError("no function is being called: this client is not a function's process")
    return ctx.call
