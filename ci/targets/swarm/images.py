"""Images on the target: load, push and pull through its daemon, and pin third-party images in the team's registry."""

import base64
import json
from collections.abc import AsyncIterator
from pathlib import Path

from ci.targets.access import is_file
from ci.targets.daemon import Daemon
from ci.targets.errors import DaemonError, NotFoundError, NotReadyError
from ci.targets.stack import RegistryLogin, Stack

CHUNK = 1 << 20
LOAD_MESSAGES = ("Loaded image ID: ", "Loaded image: ")


def auth_header(login: RegistryLogin, repository: str) -> str:
    """Return what the daemon shows to the registry: https://docs.docker.com/reference/api/engine/#section/Authentication.

    Raises:
        NotReadyError: There is a user, and no password.
    """
    auth = {}
    if login.user:
        if not is_file(login.password_file):
            raise NotReadyError(
                f"{repository.partition('/')[0]}: {login.user} has no password for this registry: pass one "
                "(REGISTRYPASSWORD in .env, --registry-password)"
            )
        password = Path(login.password_file).read_text().strip()
        auth = {"username": login.user, "password": password, "serveraddress": repository.partition("/")[0]}
    return base64.urlsafe_b64encode(json.dumps(auth).encode()).decode()


async def push_archive(daemon: Daemon, tarball: str, repository: str, tag: str, login: RegistryLogin) -> str:
    """Load an image's archive into the daemon and push the image; returns its address by digest."""
    return await push_image(daemon, await load_archive(daemon, tarball), repository, tag, login)


async def load_archive(daemon: Daemon, tarball: str) -> str:
    """Load an image's tarball, and return the daemon's name for the image."""
    if not is_file(tarball):
        raise NotReadyError(f"{tarball}: there is no such file in this step: mount the image's tarball there")
    messages = await daemon.progress(
        "POST", "/images/load", content=_chunks(tarball), headers={"Content-Type": "application/x-tar"}
    )
    lines = "".join(str(message.get("stream", "")) for message in messages).splitlines()
    for prefix in LOAD_MESSAGES:
        if loaded := [line.removeprefix(prefix) for line in lines if line.startswith(prefix)]:
            return loaded[-1]
    raise DaemonError(f"{tarball}: the daemon found no image in it: {' '.join(lines)}")


async def push_image(daemon: Daemon, image: str, repository: str, tag: str, login: RegistryLogin) -> str:
    """Push an image that the daemon has, and return its address by digest."""
    await daemon.post(f"/images/{image}/tag", repo=repository, tag=tag)
    headers = {"X-Registry-Auth": auth_header(login, repository)}
    try:
        messages = await daemon.progress("POST", f"/images/{repository}/push", params={"tag": tag}, headers=headers)
    except DaemonError as error:
        raise DaemonError(
            f"the registry does not take {repository}:{tag}: is it running, and may this user push there? {error}"
        ) from error
    digest = next(message["aux"]["Digest"] for message in reversed(messages) if "Digest" in message.get("aux", {}))
    return f"{repository}@{digest}"


async def pull(daemon: Daemon, image: str, login: RegistryLogin) -> None:
    """Pull an image that is named by digest.

    Raises:
        DaemonError: The registry does not give the image.
    """
    name, separator, digest = image.partition("@")
    if not separator:
        name, _, digest = image.rpartition(":")
    headers = {"X-Registry-Auth": auth_header(login, image)}
    await daemon.progress("POST", "/images/create", params={"fromImage": name, "tag": digest}, headers=headers)


async def ensure_image(daemon: Daemon, image: str, login: RegistryLogin) -> None:
    """Pull an image that this node does not have."""
    try:
        await daemon.get(f"/images/{image}/json")
    except NotFoundError:
        await pull(daemon, image, login)


async def pin_image(daemon: Daemon, stack: Stack, image: str, login: RegistryLogin) -> str:
    """Return a third-party image by digest in the team's own registry; pushes the image where it is missing."""
    if "@sha256:" in image:
        return image
    repository = stack.registry.beside(image)
    name, _, tag = image.rpartition(":")
    name, tag = (name, tag) if name else (image, "latest")
    references = await _repository_digests(daemon, image)
    if own := next((reference for reference in references or [] if reference.startswith(f"{repository}@")), ""):
        return own
    # Another target may have pushed its image before. That one counts for every target: its tag may be immutable, and
    # this target may reach no other registry.
    if kept := await _pull_own_copy(daemon, f"{repository}:{tag}", login):
        return f"{repository}@{kept}"
    if references is None:
        await daemon.progress("POST", "/images/create", params={"fromImage": name, "tag": tag})
    return await push_image(daemon, image, repository, tag, login)


async def _repository_digests(daemon: Daemon, image: str) -> list[str] | None:
    """Return an image's addresses by digest in all registries; None: the daemon lacks the image."""
    try:
        return list((await daemon.get(f"/images/{image}/json"))["RepoDigests"])
    except NotFoundError:
        return None


async def _pull_own_copy(daemon: Daemon, reference: str, login: RegistryLogin) -> str:
    """Pull an image from the team's own registry and return its digest; empty: it is not there."""
    headers = {"X-Registry-Auth": auth_header(login, reference)}
    try:
        about = (await daemon.send("GET", f"/distribution/{reference}/json", headers=headers)).json()
        digest = str(about["Descriptor"]["digest"])
        await pull(daemon, f"{reference.rpartition(':')[0]}@{digest}", login)
    except DaemonError:
        return ""
    return digest


async def _chunks(path: str) -> AsyncIterator[bytes]:
    with Path(path).open("rb") as file:  # noqa: ASYNC230 - one upload, and nothing else to do meanwhile
        while chunk := file.read(CHUNK):
            yield chunk
