"""The free space for the daemon's data. Docker's API does not report free space, so a container measures it."""

from ci.targets.daemon import Daemon
from ci.targets.errors import ConflictError, DaemonError
from ci.targets.stack import RegistryLogin, Stack
from ci.targets.swarm.images import pin_image
from ci.targets.swarm.names import Names
from ci.targets.swarm.services import demultiplex
from ci.targets.swarm.specs import HELPER, NO_PRIVILEGES
from ci.targets.target import Check

# An image of usual size, packed and unpacked, and what its replicas write, in bytes.
MIN_FREE = 1 << 30


async def check_disk(daemon: Daemon, stack: Stack, login: RegistryLogin) -> Check:
    """Check that there is space for one more image on the connected node."""
    try:
        free = await _free(daemon, stack, await pin_image(daemon, stack, stack.images.caddy, login))
    except DaemonError as error:
        return Check(name="disk", ok=False, detail=f"cannot measure: is the disk full, or an image missing? {error}")
    detail = f"{free >> 20} MiB are free for Docker on {daemon.where}"
    advice = (
        "" if free >= MIN_FREE else f", and {MIN_FREE >> 20} are needed: make room there, with 'docker image prune'"
    )
    return Check(name="disk", ok=free >= MIN_FREE, detail=detail + advice)


async def _free(daemon: Daemon, stack: Stack, image: str) -> int:
    """Measure from inside a container: its file system lies on the daemon's disk."""
    names = Names(stack)
    spec = {
        "Image": image,
        "Entrypoint": ["df", "-Pk", "/"],
        "Labels": {**names.owner, HELPER: names.namespace},
        "HostConfig": {"NetworkMode": "none", "ReadonlyRootfs": True, **NO_PRIVILEGES},
    }
    container = (await daemon.post("/containers/create", spec))["Id"]
    try:
        await daemon.post(f"/containers/{container}/start")
        await daemon.post(f"/containers/{container}/wait")
        answer = await daemon.send("GET", f"/containers/{container}/logs", params={"stdout": "1", "stderr": "1"})
    finally:
        await _remove(daemon, container)
    return parse_df(demultiplex(answer.content))


def parse_df(text: str) -> int:
    """Return the free space in the output of `df -Pk`, in bytes.

    Raises:
        DaemonError: The output is not that of df.
    """
    try:
        return int(text.strip().splitlines()[-1].split()[3]) << 10
    except (IndexError, ValueError) as error:
        raise DaemonError(f"unexpected output of df: {text.strip()}") from error


async def _remove(daemon: Daemon, container: str) -> None:
    try:
        await daemon.delete(f"/containers/{container}", force="1", v="1")
    except ConflictError:
        # It is being removed already.
        return
