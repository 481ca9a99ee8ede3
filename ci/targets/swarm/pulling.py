"""Whether the nodes can get an image and run it, as far as their manager can be asked."""

from collections.abc import Sequence
from typing import Any

from ci.targets.daemon import Daemon, Json
from ci.targets.errors import DaemonError
from ci.targets.stack import RegistryLogin, Stack
from ci.targets.swarm.images import auth_header
from ci.targets.swarm.nodes import Node, node_name
from ci.targets.target import Check

# What uname says, and what images call it: https://github.com/opencontainers/image-spec/blob/main/image-index.md.
ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64", "armv7l": "arm", "armv6l": "arm", "i686": "386", "i386": "386"}


async def check_image(daemon: Daemon, stack: Stack, login: RegistryLogin, image: str, nodes: Sequence[Node]) -> Check:
    """Check that the registry gives the image to the manager, and that the others can ask the same registry."""
    if not image:
        return Check(name="image", ok=True, detail="not built yet")
    registry = stack.registry
    if len(nodes) > 1 and registry.is_loopback:
        detail = (
            f"{registry.host} is another place on each of the {len(nodes)} nodes: set registry.repository to a "
            "registry that all of them reach"
        )
        return Check(name="image", ok=False, detail=detail)
    try:
        await _distribution(daemon, login, image)
    except DaemonError as error:
        detail = f"{image} cannot be pulled: push it again, or log in: {error}"
        return Check(name="image", ok=False, detail=detail)
    return Check(name="image", ok=True, detail=f"{image} can be pulled")


async def check_architecture(daemon: Daemon, login: RegistryLogin, image: str, nodes: Sequence[Node]) -> Check:
    """Check that the image runs on every node's processors."""
    try:
        platforms = (await _distribution(daemon, login, image))["Platforms"] if image else []
    except DaemonError:
        # The check of the image says so.
        platforms = []
    images = {platform["architecture"] for platform in platforms or []} - {"", "unknown"}
    if not images:
        return Check(name="architecture", ok=True, detail="not known")
    wrong = [f"{node_name(node)} ({_architecture(node)})" for node in nodes if _architecture(node) not in images]
    detail = f"the image is for {', '.join(sorted(images))}"
    if wrong:
        detail += f", and not for {', '.join(wrong)}: build it for them, or 'docker node update --availability drain'"
    return Check(name="architecture", ok=not wrong, detail=detail)


async def _distribution(daemon: Daemon, login: RegistryLogin, image: str) -> Json:
    headers = {"X-Registry-Auth": auth_header(login, image)}
    return (await daemon.send("GET", f"/distribution/{image}/json", headers=headers)).json()


def _architecture(node: dict[str, Any]) -> str:
    said = str(node["Description"]["Platform"]["Architecture"])
    return ARCHITECTURES.get(said, said)
