"""Whether the nodes can get an image and run it, as far as their manager can be asked."""

from collections.abc import Sequence
from typing import Any

from ci.targets.daemon import Daemon, Json
from ci.targets.errors import RefusedError
from ci.targets.protocol import Check, Preflight
from ci.targets.swarm.images import auth_header
from ci.targets.swarm.nodes import Node, name

# What uname says, and what images call it: https://github.com/opencontainers/image-spec/blob/main/image-index.md.
ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64", "armv7l": "arm", "armv6l": "arm", "i686": "386", "i386": "386"}


async def image(daemon: Daemon, request: Preflight, nodes: Sequence[Node]) -> Check:
    """Check that the registry gives the image to the manager, and that the others can ask the same registry."""
    if not request.image:
        return Check(name="image", ok=True, detail="not built yet")
    registry = request.stack.registry
    if len(nodes) > 1 and registry.is_loopback:
        detail = (
            f"{registry.host} is another place on each of the {len(nodes)} nodes: set registry.repository to a "
            "registry that all of them reach"
        )
        return Check(name="image", ok=False, detail=detail)
    try:
        await _distribution(daemon, request)
    except RefusedError as error:
        detail = f"{request.image} cannot be pulled: push it again, or log in: {error}"
        return Check(name="image", ok=False, detail=detail)
    return Check(name="image", ok=True, detail=f"{request.image} can be pulled")


async def architecture(daemon: Daemon, request: Preflight, nodes: Sequence[Node]) -> Check:
    """Check that the image runs on every node's processors."""
    try:
        platforms = (await _distribution(daemon, request))["Platforms"] if request.image else []
    except RefusedError:
        # The check of the image says so.
        platforms = []
    images = {platform["architecture"] for platform in platforms or []} - {"", "unknown"}
    if not images:
        return Check(name="architecture", ok=True, detail="not known")
    wrong = [f"{name(node)} ({_architecture(node)})" for node in nodes if _architecture(node) not in images]
    detail = f"the image is for {', '.join(sorted(images))}"
    if wrong:
        detail += f", and not for {', '.join(wrong)}: build it for them, or 'docker node update --availability drain'"
    return Check(name="architecture", ok=not wrong, detail=detail)


async def _distribution(daemon: Daemon, request: Preflight) -> Json:
    headers = {"X-Registry-Auth": auth_header(request.login, request.image)}
    return (await daemon.send("GET", f"/distribution/{request.image}/json", headers=headers)).json()


def _architecture(node: dict[str, Any]) -> str:
    said = str(node["Description"]["Platform"]["Architecture"])
    return ARCHITECTURES.get(said, said)
