"""A container's commands: steps, services and shells."""

from typing import Any, Self

from slipway_engine.api.container.state import State
from slipway_engine.api.context import Context
from slipway_engine.api.service import ContainerService, Service
from slipway_engine.errors import EngineError, Unsupported
from slipway_engine.model.step import AfterExec, AfterMount, FileMount, FolderMount, Mount
from slipway_engine.model.tree import Location
from slipway_engine.store.database import Step


class Execution(State):
    """The fields that run something."""

    def with_exec(
        self,
        ctx: Context,
        args: list[str],
        use_entrypoint: bool = False,
        stdin: str = "",
        redirect_stdin: str = "",
        redirect_stdout: str = "",
        redirect_stderr: str = "",
        expect: str = "SUCCESS",
        experimental_privileged_nesting: bool = False,
        insecure_root_capabilities: bool = False,
        expand: bool = False,
        no_init: bool = False,
    ) -> Self:
        """Run a command when its output or its files are first needed."""
        if experimental_privileged_nesting:
            raise Unsupported("Container.withExec(experimentalPrivilegedNesting)")
        if stdin and redirect_stdin:
            raise EngineError("cannot set both stdin and redirectStdin")
        step = self.exec(
            self._arguments(args, use_entrypoint, expand),
            stdin=stdin,
            redirect_stdin=self.expand_variables(redirect_stdin, expand),
            redirect_stdout=self.expand_variables(redirect_stdout, expand),
            redirect_stderr=self.expand_variables(redirect_stderr, expand),
            expect=expect,
            insecure=insecure_root_capabilities,
        )

        def after(mount: Mount) -> Mount:
            if isinstance(mount, FolderMount) and not mount.read_only:
                return FolderMount(mount.path, Location(AfterMount(step, mount.path)), mount.owner)
            if isinstance(mount, FileMount):
                return FileMount(mount.path, Location(AfterMount(step, mount.path), mount.source.path), mount.owner)
            return mount

        mounts = tuple(after(mount) for mount in self.mount_items)
        return self.replace(rootfs_tree=AfterExec(step), mount_items=mounts, last=step, reference="")

    async def stdout(self, ctx: Context) -> str:
        """Return what the last command printed to its standard output."""
        return (await self._run(ctx)).stdout

    async def stderr(self, ctx: Context) -> str:
        """Return what the last command printed to its standard error."""
        return (await self._run(ctx)).stderr

    async def combined_output(self, ctx: Context) -> str:
        """Return all that the last command printed, in the order in which it came."""
        return (await self._run(ctx)).combined

    async def exit_code(self, ctx: Context) -> int:
        """Return the last command's exit code."""
        return (await self._run(ctx)).exit_code

    async def sync(self, ctx: Context) -> str:
        """Evaluate the container, and return its ID."""
        await ctx.engine.trees.images.image(self.rootfs_tree)
        return self.id(ctx)

    def as_service(
        self,
        ctx: Context,
        args: list[str] | None = None,
        use_entrypoint: bool = False,
        experimental_privileged_nesting: bool = False,
        insecure_root_capabilities: bool = False,
        expand: bool = False,
        no_init: bool = False,
    ) -> "Service":
        """Return the container as a service that runs these arguments, or the image's own without them."""
        if experimental_privileged_nesting:
            raise Unsupported("Container.asService(experimentalPrivilegedNesting)")
        if args is None:
            command = (*self.entrypoint_args, *self.command)
        else:
            command = self._arguments(args, use_entrypoint, expand)
        return ContainerService(self, command, insecure_root_capabilities)

    async def up(
        self,
        ctx: Context,
        random: bool = False,
        ports: list[dict[str, Any]] | None = None,
        args: list[str] | None = None,
        use_entrypoint: bool = False,
        experimental_privileged_nesting: bool = False,
        insecure_root_capabilities: bool = False,
        expand: bool = False,
        no_init: bool = False,
    ) -> None:
        """Run the container as a service with its ports on the host, until the command is interrupted."""
        service = self.as_service(ctx, args, use_entrypoint, False, insecure_root_capabilities, expand)
        await service.up(ctx, ports, random)

    async def terminal(
        self,
        ctx: Context,
        cmd: list[str] | None = None,
        experimental_privileged_nesting: bool = False,
        insecure_root_capabilities: bool = False,
    ) -> Self:
        """Open a shell in the container; the result is the container, unchanged."""
        if experimental_privileged_nesting:
            raise Unsupported("Container.terminal(experimentalPrivilegedNesting)")
        await ctx.engine.terminals.open(self, cmd, insecure=insecure_root_capabilities)
        return self

    async def _run(self, ctx: Context) -> Step:
        if self.last is None:
            raise EngineError("no command has been set: use withExec first")
        return await ctx.engine.runner.run(self.last)

    def _arguments(self, args: list[str], use_entrypoint: bool, expand: bool) -> tuple[str, ...]:
        chosen = tuple(args) or self.command
        arguments = (*self.entrypoint_args, *chosen) if use_entrypoint else chosen
        return tuple(self.expand_variables(arg, expand) for arg in arguments)
