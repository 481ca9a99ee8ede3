"""The preflight: what it checks before anything changes, and what it advises."""

import hashlib
import json
import re
from typing import Any

import httpx
import pytest

from ci.targets.errors import DaemonError
from ci.targets.swarm import nodes, pulling
from ci.targets.swarm.disk import parse_df
from tests.agents import Agent, Images

CHECKS = ["swarm", "nodes", "owner", "secrets", "port", "image", "architecture", "resources", "disk"]
DF = """Filesystem           1024-blocks    Used Available Capacity Mounted on
overlay              263174212  28838640  66890836  30% /
"""


async def failures(agent: Agent, image: str = "") -> dict[str, str]:
    """Return the details of the failed checks, by the checks' names."""
    async with agent.target() as target:
        checks = await target.check(image)
    assert [check.name for check in checks] == CHECKS
    return {check.name: check.detail for check in checks if not check.ok}


def node(hostname: str, state: str = "ready", availability: str = "active") -> dict[str, Any]:
    platform = {"Architecture": "aarch64", "OS": "linux"}
    return {
        "ID": hostname,
        "Spec": {"Availability": availability},
        "Status": {"State": state},
        "Description": {"Hostname": hostname, "Platform": platform},
    }


def for_another_architecture(image: str) -> str:
    """Put an image into the registry that says that it is for other processors, and return its address."""
    repository, _, digest = image.partition("@")
    host, _, name = repository.partition("/")
    kind = "application/vnd.docker.distribution.manifest.v2+json"
    with httpx.Client(base_url=f"http://{host}/v2/{name}", headers={"Accept": kind}) as registry:
        manifest = registry.get(f"/manifests/{digest}").json()
        config = registry.get(f"/blobs/{manifest['config']['digest']}").json() | {"architecture": "s390x"}
        data = json.dumps(config).encode()
        changed = f"sha256:{hashlib.sha256(data).hexdigest()}"
        place = registry.post("/blobs/uploads/").headers["location"]
        registry.put(httpx.URL(place).copy_merge_params({"digest": changed}), content=data).raise_for_status()
        manifest["config"] |= {"digest": changed, "size": len(data)}
        text = json.dumps(manifest)
        put = registry.put("/manifests/another", content=text, headers={"Content-Type": kind})
        put.raise_for_status()
        return f"{repository}@{put.headers['docker-content-digest']}"


async def test_preflight_passes_on_a_ready_target(agent: Agent, images: Images) -> None:
    assert await failures(agent, images.service("one")) == {}
    state = await agent.state()
    assert (state.services, state.releases) == ({}, ())


async def test_image_for_other_processors_is_refused(agent: Agent, images: Images) -> None:
    found = await failures(agent, for_another_architecture(images.service("one")))
    assert list(found) == ["architecture"]
    assert found["architecture"].startswith("the image is for s390x, and not for ")
    assert "build it for them" in found["architecture"]


@pytest.mark.parametrize(
    ("override", "advice"),
    [
        ("cpus=1024", r"resources.cpus is 1024, and no node has more than \d+: lower it in \[environments.dev\]"),
        ("memory=1048576GiB", r"resources.memory is 1048576GiB, and no node has more than \d+MiB: lower it in"),
        ("memory_reservation=1048576GiB", r"0 of 2 replicas with 1048576GiB reserved for each fit on \d+ nodes"),
    ],
)
async def test_replicas_that_do_not_fit_are_refused(agent: Agent, override: str, advice: str) -> None:
    # The reservation alone could be no more than the memory.
    memory = ["environments.dev.resources.memory=1048576GiB"] if "reservation" in override else []
    found = await failures(agent.changed(*memory, f"environments.dev.resources.{override}"))
    assert list(found) == ["resources"]
    assert re.search(advice, found["resources"])


async def test_replicas_that_do_not_fit_beside_the_others_are_refused(serving: Agent) -> None:
    async with serving.target() as target:
        known = nodes.usable_nodes(await target.daemon.get("/nodes"))
        largest = max(node["Description"]["Resources"]["MemoryBytes"] for node in known)
        resources = serving.stack.environment.resources.model_copy(
            update={"memory_reservation": f"{largest // 2 + (1 << 20)}B"}
        )
        environment = serving.stack.environment.model_copy(update={"resources": resources})
        stack = serving.stack.model_copy(update={"environment": environment})
        check = await nodes.check_resources(target.daemon, stack, known)
    assert not check.ok
    assert check.detail.startswith(f"{len(known)} of 2 replicas")


async def test_full_disk_is_refused(agent: Agent, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ci.targets.swarm.disk.MIN_FREE", 1 << 60)
    found = await failures(agent)
    assert list(found) == ["disk"]
    assert "make room there, with 'docker image prune'" in found["disk"]


def test_free_space_is_read_from_the_output_of_df() -> None:
    assert parse_df(DF) == 66890836 << 10
    with pytest.raises(DaemonError, match="unexpected output of df: no such thing"):
        parse_df("no such thing")


def test_missing_nodes_are_named() -> None:
    known = [node("one"), node("two", state="down"), node("three", availability="drain")]
    assert nodes.usable_nodes(known) == known[:1]
    check = nodes.check_nodes(known)
    assert check.ok
    assert check.detail == "1 of 3 are ready (two is down, active, three is ready, drain)"
    none = nodes.check_nodes(known[1:])
    assert not none.ok
    assert none.detail.endswith("start Docker there, or 'docker node update --availability active'")


async def test_loopback_registry_is_refused_for_several_nodes(agent: Agent, images: Images) -> None:
    image, several = images.service("one"), [node("one"), node("two")]
    async with agent.target() as target:
        reached = await pulling.check_image(target.daemon, agent.stack, target.login, image, several)
        other = await pulling.check_architecture(target.daemon, target.login, image, several[:1])
    assert not reached.ok
    assert "localhost:5000 is a different address on each of the 2 nodes: set registry.repository" in reached.detail
    assert "not for one (arm64)" in other.detail


async def test_port_of_another_edge_is_refused(serving: Agent) -> None:
    found = await failures(serving.changed("app.name=test-other"))
    assert list(found) == ["port"]
    assert f"{serving.stack.namespace}_edge" in found["port"]
    # The environment's own edge takes the port, and that is no failure.
    assert await failures(serving) == {}


async def test_missing_image_is_refused(serving: Agent) -> None:
    found = await failures(serving, f"localhost:5000/none@sha256:{'0' * 64}")
    assert list(found) == ["image"]


async def test_secret_that_was_never_set_is_refused(agent: Agent) -> None:
    found = await failures(agent.changed('environments.dev.secrets=["api-key"]'))
    assert list(found) == ["secrets"]
    assert "never set: api-key: ci call secrets set --env dev --name api-key" in found["secrets"]
