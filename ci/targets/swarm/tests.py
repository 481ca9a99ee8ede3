"""Tests of a release: a command in a helper container on the stack's network."""

import asyncio
import json
import shlex
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from ci.targets.daemon import Daemon
from ci.targets.stack import RegistryLogin, Stack
from ci.targets.swarm import names as n
from ci.targets.swarm.images import ensure_image
from ci.targets.swarm.names import Names, host
from ci.targets.swarm.services import demultiplex
from ci.targets.swarm.specs import NO_PRIVILEGES
from ci.targets.target import TestResult, TestRun

KEPT_LINES = 400


async def run_tests(daemon: Daemon, stack: Stack, login: RegistryLogin, run: TestRun, release: str) -> TestResult:
    """Run the command to its end and return what it wrote."""
    began = time.monotonic()
    await ensure_image(daemon, run.image, login)
    async with _container(daemon, stack, run, release) as container:
        await daemon.post(f"/containers/{container}/start")
        try:
            async with asyncio.timeout(run.timeout):
                exit_code = await _wait(daemon, container)
        except TimeoutError:
            exit_code = -1
        output = await _output(daemon, container)
    return TestResult(
        status="timeout" if exit_code < 0 else "failed" if exit_code else "passed",
        exit_code=exit_code,
        output=output,
        seconds=round(time.monotonic() - began, 2),
    )


def shell_beside(stack: Stack, image: str, release: str) -> str:
    """Return the docker command that opens a shell in a test image, where and as its tests ran."""
    target = stack.environment.target
    host_option = ["--host", target.address] if target.is_ssh else []
    options = ["--rm", "--interactive", "--tty", "--cap-drop", "ALL", "--security-opt", "no-new-privileges"]
    network = ["--network", Names(stack).network, "--env", f"BASE_URL={_base_url(stack, release)}"]
    return shlex.join(["docker", *host_option, "run", *options, *network, "--entrypoint", "sh", image])


@asynccontextmanager
async def _container(daemon: Daemon, stack: Stack, run: TestRun, release: str) -> AsyncIterator[str]:
    names = Names(stack)
    variables = {"BASE_URL": _base_url(stack, release)} | run.env
    spec = {
        "Image": run.image,
        "Env": [f"{key}={value}" for key, value in variables.items()],
        "Labels": {**names.owner, "slipway.tests": names.namespace},
        "HostConfig": {"NetworkMode": names.network, **NO_PRIVILEGES},
        **({"Entrypoint": [], "Cmd": list(run.command)} if run.command else {}),
    }
    container = (await daemon.post("/containers/create", spec))["Id"]
    try:
        yield container
    finally:
        await daemon.delete(f"/containers/{container}", force="1", v="1")


def _base_url(stack: Stack, release: str) -> str:
    if release:
        return f"http://{host(release)}:{stack.app.port}"
    return f"http://{host(n.EDGE)}:{stack.environment.edge.port}"


async def _wait(daemon: Daemon, container: str) -> int:
    async with daemon.stream("POST", f"/containers/{container}/wait") as answer:
        return int(json.loads(await answer.aread())["StatusCode"])


async def _output(daemon: Daemon, container: str) -> str:
    answer = await daemon.send(
        "GET", f"/containers/{container}/logs", params={"stdout": "1", "stderr": "1", "tail": str(KEPT_LINES)}
    )
    return demultiplex(answer.content).strip()
