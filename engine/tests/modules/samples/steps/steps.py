"""A module whose functions run steps in containers."""

import base64
import time

import anyio
import dagger
from dagger import dag, function, object_type


class Told(dagger.QueryError):
    """A failure in the module's own words, with the engine's details."""

    def __init__(self, error: dagger.ExecError) -> None:
        super().__init__(error.errors, error.request)

    def __new__(cls, _error: dagger.ExecError) -> "Told":
        return Exception.__new__(cls)

    def __str__(self) -> str:
        return "step two failed: exit code 6"


@object_type
class Steps:
    image: str = "busybox:1"

    @function
    def base(self) -> dagger.Container:
        """Return a container."""
        return dag.container().from_(self.image)

    @function
    def say(self, text: str) -> dagger.Container:
        """Return a container with a step."""
        return self.base().with_exec(["echo", text])

    @function
    async def fail(self) -> str:
        """Run a step that fails, beside one that would take long."""
        slow = self.base().with_exec(["sleep", "30"])
        broken = self.base().with_exec(["sh", "-c", "echo some output; echo what went wrong >&2; exit 7"])
        async with anyio.create_task_group() as group:
            group.start_soon(slow.sync)
            group.start_soon(broken.sync)
        return "not reached"

    @function
    async def broken(self) -> str:
        """Run a step that fails."""
        return await self.base().with_exec(["sh", "-c", "echo some output; echo what went wrong >&2; exit 7"]).stdout()

    @function
    async def second(self) -> str:
        """Run two steps that fail, and tell of the second in words of its own."""
        try:
            await self.base().with_exec(["sh", "-c", "echo the first; exit 5"]).stdout()
        except dagger.ExecError:
            pass
        try:
            return await self.base().with_exec(["sh", "-c", "echo the second > /left; echo its output; exit 6"]).stdout()
        except dagger.ExecError as error:
            raise Told(error) from None

    @function(cache="never")
    async def slow(self, seconds: int) -> str:
        """Run a step that takes its time."""
        return await self.base().with_exec(["sh", "-c", f"echo started; sleep {seconds}"]).stdout()

    @function(cache="never")
    async def leak(self, secret: dagger.Secret, where: str) -> str:
        """Show a secret with a colour inside and encoded, in output and errors, and fail."""
        value = await secret.plaintext()
        shown = f"{value[:3]}\x1b[01;31m\x1b[K{value[3:]}\x1b[m and {base64.b64encode(f'u:{value}'.encode()).decode()}"
        step = self.base().with_new_file("/shown", shown).with_env_variable("RUN", str(time.time()))
        if where == "service":
            service = step.with_exposed_port(80).as_service(args=["sh", "-c", "cat /shown; exit 3"])
            return await self.base().with_service_binding("service", service).with_exec(["true"]).stdout()
        if where == "step":
            return await step.with_exec(["sh", "-c", "cat /shown; echo; cat /shown >&2; exit 3"]).stdout()
        if where == "command":
            return await step.with_exec(["sh", "-c", f": '{shown}'; exit 3"]).stdout()
        if where == "result":
            return await step.with_exec(["cat", "/shown"]).stdout()
        print(shown)  # noqa: T201 - what a function prints is output as well
        raise ValueError(shown)
