"""A command in a one-off container on the stack's network: the tests of a release, against the release itself."""

import asyncio
import io
import json
import tarfile
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from ci.targets.daemon import Daemon
from ci.targets.errors import MissingError, TakenError
from ci.targets.protocol import Prove, Proved
from ci.targets.swarm import names as n
from ci.targets.swarm.images import load
from ci.targets.swarm.names import Names, host
from ci.targets.swarm.services import demultiplexed
from ci.targets.swarm.specs import STRIPPED

KEPT_LINES = 400


async def prove(daemon: Daemon, request: Prove) -> Proved:
    """Run the command to its end and bring back what it wrote."""
    began = time.monotonic()
    async with _image(daemon, request) as image, _container(daemon, request, image) as container:
        await daemon.post(f"/containers/{container}/start")
        try:
            async with asyncio.timeout(request.timeout):
                exit_code = await _wait(daemon, container)
        except TimeoutError:
            exit_code = -1
        output = await _output(daemon, container)
        files = {path: text for path in request.files if (text := await _file(daemon, container, path)) is not None}
    seconds = round(time.monotonic() - began, 2)
    status = "timeout" if exit_code < 0 else "failed" if exit_code else "passed"
    what = request.release or "what serves"
    message = {
        "passed": f"{what} passed in {seconds:.1f} s",
        "failed": f"{what} failed: exit code {exit_code}",
        "timeout": f"{what} failed: not done after {request.timeout:.0f} s",
    }[status]
    return Proved.model_validate(
        {
            "ok": status == "passed",
            "message": message,
            "status": status,
            "exit_code": exit_code,
            "output": output,
            "seconds": seconds,
            "files": files,
        }
    )


@asynccontextmanager
async def _image(daemon: Daemon, request: Prove) -> AsyncIterator[str]:
    """Give the image; one that only this proof brought is removed again."""
    if request.image or not request.tarball:
        yield request.image
        return
    before = {image["Id"] for image in await daemon.get("/images/json", all="1")}
    loaded = await load(daemon, request.tarball)
    found = (await daemon.get(f"/images/{loaded}/json"))["Id"]
    try:
        yield loaded
    finally:
        if found not in before:
            await _forget(daemon, loaded)


@asynccontextmanager
async def _container(daemon: Daemon, request: Prove, image: str) -> AsyncIterator[str]:
    names = Names(request.stack)
    variables = {"BASE_URL": _base_url(request)} | request.env
    spec = {
        "Image": image,
        "Env": [f"{key}={value}" for key, value in variables.items()],
        "Labels": {"slipway.proof": names.namespace},
        "HostConfig": {"NetworkMode": names.network, **STRIPPED},
        **({"Entrypoint": [], "Cmd": list(request.command)} if request.command else {}),
    }
    container = (await daemon.post("/containers/create", spec))["Id"]
    try:
        yield container
    finally:
        await daemon.delete(f"/containers/{container}", force="1", v="1")


def _base_url(request: Prove) -> str:
    if request.release:
        return f"http://{host(request.release)}:{request.stack.app.port}"
    return f"http://{host(n.EDGE)}:{request.stack.environment.edge.port}"


async def _wait(daemon: Daemon, container: str) -> int:
    async with daemon.stream("POST", f"/containers/{container}/wait") as answer:
        return int(json.loads(await answer.aread())["StatusCode"])


async def _output(daemon: Daemon, container: str) -> str:
    answer = await daemon.send(
        "GET", f"/containers/{container}/logs", params={"stdout": "1", "stderr": "1", "tail": str(KEPT_LINES)}
    )
    return demultiplexed(answer.content).strip()


async def _file(daemon: Daemon, container: str, path: str) -> str | None:
    try:
        answer = await daemon.send("GET", f"/containers/{container}/archive", params={"path": path})
    except MissingError:
        return None
    with tarfile.open(fileobj=io.BytesIO(answer.content)) as archive:
        member = archive.extractfile(archive.getmembers()[0])
        return member.read().decode(errors="replace") if member else None


async def _forget(daemon: Daemon, image: str) -> None:
    try:
        await daemon.delete(f"/images/{image}")
    except TakenError:
        # Something else began to use it meanwhile.
        return
