"""The edges of a stack: one on every node, also where an older stack has a single one."""

import uuid
from collections.abc import AsyncIterator

import httpx
import pytest
from ci.targets.__main__ import answer

from ci.targets import protocol as p
from ci.targets.daemon import Daemon
from tests.infrastructure.cluster import SERVICE, a_stack
from tests.infrastructure.lan import run, until

pytestmark = pytest.mark.full
SOCKET = "/var/run/docker.sock"


@pytest.fixture
async def stack() -> AsyncIterator[p.Stack]:
    """A stack on this machine's Docker, in which the build `one` serves."""
    name = f"test-{uuid.uuid4().hex[:8]}"
    made = a_stack(name, registry="localhost:5000", port=8497)
    tag = f"{made.registry.repository}:one"
    run("docker", "build", "--quiet", "--build-arg", "BUILD=one", "--tag", tag, str(SERVICE))
    run("docker", "push", "--quiet", tag)
    image = run("docker", "image", "inspect", "--format", "{{index .RepoDigests 0}}", tag)
    deployed = await answer(p.Deploy(stack=made, image=image, version="1", holder="author"))
    assert deployed.ok, deployed
    yield made
    assert (await answer(p.Remove(stack=made))).ok
    run("docker", "image", "rm", "--force", tag, image)


def body(stack: p.Stack) -> str:
    try:
        return httpx.get(stack.environment.address).text.strip()
    except httpx.HTTPError as error:
        return str(error)


async def test_a_single_edge_becomes_one_on_every_node(stack: p.Stack) -> None:
    edge = f"{stack.namespace}_edge"
    async with Daemon.connect(SOCKET, "here") as daemon:
        spec = (await daemon.get(f"/services/{edge}"))["Spec"]
        assert spec["Mode"] == {"Global": {}}
        await daemon.delete(f"/services/{edge}")
        await daemon.post("/services/create", spec | {"Mode": {"Replicated": {"Replicas": 1}}})
        until(lambda: body(stack) == "one")
        image = spec["Labels"]["slipway.serving"]
        release = (await daemon.get(f"/services/{stack.namespace}_{image}"))["Spec"]["Labels"]["slipway.image"]
        started = await answer(p.Candidate(stack=stack, image=release, version="1"))
        assert isinstance(started, p.Started), started
        assert (started.status, started.serving) == ("unchanged", image)
        again = (await daemon.get(f"/services/{edge}"))["Spec"]
    assert again == spec
    until(lambda: body(stack) == "one")
