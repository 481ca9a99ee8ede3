"""The fields that describe a container."""

from slipway_engine.api.container.state import State
from slipway_engine.api.context import Context
from slipway_engine.api.directory import Directory
from slipway_engine.api.file import File
from slipway_engine.api.parts import EnvVariable, Label
from slipway_engine.api.stat import Stat
from slipway_engine.errors import EngineError
from slipway_engine.model.container import Port
from slipway_engine.model.healthcheck import HealthcheckConfig


class Reads(State):
    """The fields that return a container's description or files."""

    def platform(self, _: Context) -> str:
        """Return the platform, such as `linux/amd64`."""
        return self.platform_name

    def image_ref(self, _: Context) -> str:
        """Return the reference, with digest, of the image that the container came from."""
        if not self.reference:
            raise EngineError("image reference can only be retrieved immediately after the 'Container.From' call")
        return self.reference

    def env_variable(self, _: Context, name: str) -> str | None:
        """Return a variable's value."""
        return dict(self.environment).get(name)

    def env_variables(self, _: Context) -> list[EnvVariable]:
        """List the variables."""
        return [EnvVariable(name, value) for name, value in self.environment]

    def label(self, _: Context, name: str) -> str | None:
        """Return a label's value."""
        return dict(self.label_items).get(name)

    def labels(self, _: Context) -> list[Label]:
        """List the labels."""
        return [Label(name, value) for name, value in self.label_items]

    def workdir(self, _: Context) -> str:
        """Return the working directory."""
        return self.working_directory

    def user(self, _: Context) -> str:
        """Return the user."""
        return self.user_name

    def entrypoint(self, _: Context) -> list[str]:
        """Return the entrypoint."""
        return list(self.entrypoint_args)

    def default_args(self, _: Context) -> list[str]:
        """Return the default arguments."""
        return list(self.command)

    def mounts(self, _: Context) -> list[str]:
        """List the paths where something is mounted."""
        return [mount.path for mount in self.mount_items]

    def exposed_ports(self, _: Context) -> list[Port]:
        """List the ports."""
        return list(self.ports)

    def docker_healthcheck(self, _: Context) -> HealthcheckConfig | None:
        """Return the health check."""
        return self.healthcheck

    def rootfs(self, _: Context) -> Directory:
        """Return the root file system without mounts."""
        return Directory(self.rootfs_tree)

    async def directory(self, ctx: Context, path: str, expand: bool = False) -> Directory:
        """Return a folder; raises EngineError when it is not there."""
        _, place = self.locate(self.absolute_path(path, expand).rstrip("/") or "/")
        found = await ctx.engine.trees.stat(place, follow=True)
        if found is None or found[0] != "d":
            raise EngineError(
                f"{path}: {'no such file or directory' if found is None else 'is a file, not a directory'}"
            )
        return Directory(place.tree, place.path)

    async def file(self, ctx: Context, path: str, expand: bool = False) -> File:
        """Return a file; raises EngineError when it is not there."""
        _, place = self.locate(self.absolute_path(path, expand))
        found = await ctx.engine.trees.stat(place, follow=True)
        if found is None or found[0] == "d":
            raise EngineError(
                f"{path}: {'no such file or directory' if found is None else 'is a directory, not a file'}"
            )
        return File(place.tree, place.path)

    async def exists(
        self,
        ctx: Context,
        path: str,
        expected_type: str | None = None,
        do_not_follow_symlinks: bool = False,
        expand: bool = False,
    ) -> bool:
        """Return whether a path is there, of the expected type."""
        _, place = self.locate(self.absolute_path(path, expand))
        return await Stat.matches(ctx, place, expected_type, follow=not do_not_follow_symlinks)

    async def stat(self, ctx: Context, path: str, do_not_follow_symlinks: bool = False) -> Stat:
        """Describe a path."""
        _, place = self.locate(self.absolute_path(path))
        return await Stat.of(ctx, place, follow=not do_not_follow_symlinks)
