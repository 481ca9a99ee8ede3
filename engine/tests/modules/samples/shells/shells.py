"""A module whose steps fail, for the shells that are opened where they did."""

from typing import Annotated

import anyio
import dagger
from dagger import DefaultPath, check, dag, function, object_type


@object_type
class Shells:
    service: Annotated[dagger.Directory, DefaultPath("service")]

    def _base(self) -> dagger.Container:
        return dag.container().from_("busybox:1").with_workdir("/work").with_directory("/work", self.service)

    @function
    def workbench(self) -> dagger.Container:
        """Return what the steps run in."""
        web = dag.container().from_("busybox:1").with_new_file("/srv/index.html", "served").with_exposed_port(8080)
        return (
            self._base()
            .with_env_variable("COLOUR", "blue")
            .with_secret_variable("PASSWORD", dag.set_secret("password", "open sesame"))
            .with_mounted_secret("/run/token", dag.set_secret("token", "a token"), owner="1000")
            .with_mounted_directory("/work/mounted", dag.directory().with_new_file("there", "mounted\n"), owner="1000")
            .with_mounted_file("/work/note", dag.file("note", "a note\n"), owner="1000")
            .with_mounted_cache("/cache", dag.cache_volume("shells"))
            .with_service_binding("web", web.as_service(args=["httpd", "-f", "-p", "8080", "-h", "/srv"]))
        )

    @function
    async def broken(self) -> str:
        """Leave something everywhere, and fail."""
        script = "echo left >left; echo left >mounted/left; echo left >>note; exit 3"
        ready = self.workbench().with_exec(["chown", "-R", "1000", "/work"]).with_user("1000")
        ready = ready.with_default_terminal_cmd(["nosuch"])
        return await ready.with_exec(["sh", "-c", script]).stdout()

    @function
    async def test(self) -> str:
        """Run the service's tests."""
        return await self._base().with_exec(["sh", "test.sh"]).stdout()

    @function
    async def both(self) -> str:
        """Run two steps that fail, and wait for both."""
        failing = [self._base().with_exec(["sh", "-c", f"echo {name}; exit 1"]) for name in ("one", "two")]
        failures = []

        async def run(container: dagger.Container) -> None:
            try:
                await container.sync()
            except dagger.ExecError as error:
                failures.append(error)

        async with anyio.create_task_group() as group:
            for container in failing:
                group.start_soon(run, container)
        raise next(error for error in failures if "two" in str(error))

    @function
    def bare(self) -> dagger.Container:
        """Return a container without a shell."""
        return dag.container().with_rootfs(dag.directory().with_new_file("hello", "hello"))

    @function
    @check
    async def first(self) -> None:
        """Fail."""
        await self._base().with_exec(["sh", "-c", "exit 1"]).sync()

    @function
    @check
    async def second(self) -> None:
        """Fail as well."""
        await self._base().with_exec(["sh", "-c", "exit 2"]).sync()
