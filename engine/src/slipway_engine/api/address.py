"""The API's Address: a text from the command line that names a value somewhere."""

from dataclasses import dataclass
from urllib.parse import urlsplit

from slipway_engine.api.base import Object
from slipway_engine.api.container import Container
from slipway_engine.api.context import Context
from slipway_engine.api.directory import Directory, Patterns
from slipway_engine.api.file import File
from slipway_engine.api.git import GitRef, GitRepository
from slipway_engine.api.host import Host, Socket
from slipway_engine.api.secret import Secret
from slipway_engine.api.service import HostService
from slipway_engine.errors import UsageError

REMOTE = ("https://", "http://", "git://", "ssh://", "git@")


@dataclass(frozen=True)
class Address(Object):
    """A path, a URL, an image's address or a secret's URI."""

    text: str

    def value(self, _: Context) -> str:
        """Return the text itself."""
        return self.text

    async def container(self, ctx: Context) -> Container:
        """Return the image's container."""
        return await Container().from_(ctx, self.text)

    async def directory(
        self,
        ctx: Context,
        exclude: Patterns = None,
        include: Patterns = None,
        gitignore: bool = False,
        no_cache: bool = False,
    ) -> Directory:
        """Return the folder: of the host, or of a git repository (`URL#ref:path`)."""
        if not self.text.startswith(REMOTE):
            return await Host().directory(ctx, self.text, exclude, include, no_cache, gitignore)
        tree = (await self.git_ref(ctx)).tree(ctx)
        path = self.text.partition("#")[2].partition(":")[2]
        found = await tree.directory(ctx, path) if path else tree
        return found.filter(ctx, exclude, include, gitignore)

    async def file(
        self,
        ctx: Context,
        exclude: Patterns = None,
        include: Patterns = None,
        gitignore: bool = False,
        no_cache: bool = False,
    ) -> File:
        """Return the file: of the host, or of a git repository (`URL#ref:path`)."""
        if not self.text.startswith(REMOTE):
            return await Host().file(ctx, self.text)
        return await (await self.git_ref(ctx)).tree(ctx).file(ctx, self.text.partition("#")[2].partition(":")[2])

    async def git_ref(self, ctx: Context) -> GitRef:
        """Return the ref after the `#`, or the default branch."""
        name = self.text.partition("#")[2].partition(":")[0]
        return await self.git_repository(ctx).ref(ctx, name or "HEAD")

    def git_repository(self, _: Context) -> GitRepository:
        """Return the repository."""
        return GitRepository(self.text.partition("#")[0])

    def secret(self, _: Context) -> Secret:
        """Return the secret that the URI points to."""
        return Secret(uri=self.text)

    def service(self, ctx: Context) -> HostService:
        """Return a port, `tcp://host:port`, as a service."""
        parts = urlsplit(self.text)
        if parts.scheme not in {"tcp", "udp"} or not parts.port:
            raise UsageError(f"{self.text}: is not a service: write it like tcp://localhost:8080")
        ports = [{"backend": parts.port, "frontend": parts.port, "protocol": parts.scheme.upper()}]
        return Host().service(ctx, ports, parts.hostname or "localhost")

    def socket(self, ctx: Context) -> Socket:
        """Return the Unix socket at the path."""
        return Host().unix_socket(ctx, self.text.removeprefix("unix://"))
