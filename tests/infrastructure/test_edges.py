"""The edges of a stack: one on every node, also where an older stack has a single one."""

import uuid
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest

from ci.targets.target import ReleaseDescription
from tests.agents import REGISTRY, Agent
from tests.infrastructure.cluster import SERVICE, SETTINGS
from tests.infrastructure.lan import run, until
from tests.machine import a_free_port, ensure_swarm

pytestmark = pytest.mark.full


@pytest.fixture
async def agent(tmp_path: Path) -> AsyncIterator[Agent]:
    """An agent in whose environment on this machine's Docker the build `one` serves."""
    ensure_swarm()
    name = f"test-{uuid.uuid4().hex[:8]}"
    made = Agent(tmp_path, SETTINGS.format(name=name, registry=REGISTRY, target="", port=a_free_port(), replicas=3))
    tag = f"{made.settings.registry.repository}:one"
    run("docker", "build", "--quiet", "--build-arg", "BUILD=one", "--tag", tag, str(SERVICE))
    run("docker", "push", "--quiet", tag)
    image = run("docker", "image", "inspect", "--format", "{{index .RepoDigests 0}}", tag)
    report = await made.deploy("1", image)
    assert report.ok, report
    yield made
    await made.remove()
    run("docker", "image", "rm", "--force", tag, image)


def body(agent: Agent) -> str:
    try:
        return agent.fetch().text.strip()
    except httpx.HTTPError as error:
        return str(error)


async def test_single_edge_becomes_one_on_every_node(agent: Agent) -> None:
    edge = f"{agent.stack.namespace}_edge"
    async with agent.target() as target:
        daemon, state = target.daemon, await target.read_state()
        spec = (await daemon.get(f"/services/{edge}"))["Spec"]
        assert spec["Mode"] == {"Global": {}}
        await daemon.delete(f"/services/{edge}")
        await daemon.post("/services/create", spec | {"Mode": {"Replicated": {"Replicas": 1}}})
        until(lambda: body(agent) == "one")
        wanted = ReleaseDescription(image=state.current.image, version="1")
        candidate = await target.prepare_candidate(wanted)
        assert (candidate.release, candidate.exists) == (state.current.release, True)
        again = (await daemon.get(f"/services/{edge}"))["Spec"]
    assert again == spec
    until(lambda: body(agent) == "one")
