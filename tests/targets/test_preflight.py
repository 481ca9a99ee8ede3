"""What is looked at before anything changes, and what is advised when it is bad."""

import hashlib
import json
import re
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from ci.targets import protocol as p
from ci.targets.__main__ import answer
from ci.targets.access import reach
from ci.targets.errors import RefusedError
from ci.targets.swarm import nodes, pulling
from ci.targets.swarm.disk import available

Image = Callable[[str], str]

CHECKS = ["swarm", "nodes", "port", "image", "architecture", "resources", "disk", "secrets"]
DF = """Filesystem           1024-blocks    Used Available Capacity Mounted on
overlay              263174212  28838640  66890836  30% /
"""


async def bad(stack: p.Stack, image: str = "") -> dict[str, str]:
    """Return what is wrong, by the checks' names."""
    outcome = await answer(p.Preflight(stack=stack, image=image))
    assert isinstance(outcome, p.Checked), outcome
    assert [check.name for check in outcome.checks] == CHECKS
    found = {check.name: check.detail for check in outcome.checks if not check.ok}
    assert outcome.ok == (not found)
    return found


def with_resources(stack: p.Stack, **changes: object) -> p.Stack:
    resources = stack.environment.resources.model_copy(update=changes)
    return stack.model_copy(update={"environment": stack.environment.model_copy(update={"resources": resources})})


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


async def test_all_is_well(stack: p.Stack, image: Image) -> None:
    assert await bad(stack, image("one")) == {}


async def test_an_image_for_other_processors(stack: p.Stack, image: Image) -> None:
    found = await bad(stack, for_another_architecture(image("one")))
    assert list(found) == ["architecture"]
    assert found["architecture"].startswith("the image is for s390x, and not for ")
    assert "build it for them" in found["architecture"]


@pytest.mark.parametrize(
    ("changes", "advice"),
    [
        ({"cpus": 4096.0}, r"resources.cpus is 4096, and no node has more than \d+: lower it in \[environments.dev\]"),
        ({"memory": "9999999GiB"}, r"resources.memory is 9999999GiB, and no node has more than \d+MiB: lower it in"),
        ({"memory_reservation": "9999999GiB"}, r"0 of 2 replicas with 9999999GiB reserved for each fit on \d+ nodes"),
    ],
)
async def test_replicas_that_do_not_fit(stack: p.Stack, changes: dict[str, object], advice: str) -> None:
    found = await bad(with_resources(stack, **changes))
    assert list(found) == ["resources"]
    assert re.search(advice, found["resources"])


async def test_replicas_that_fit_but_not_beside_what_is_there(standing: p.Stack) -> None:
    async with reach(standing.environment, p.Access()) as daemon:
        known = nodes.usable(await daemon.get("/nodes"))
        largest = max(there["Description"]["Resources"]["MemoryBytes"] for there in known)
        reserving = with_resources(standing, memory_reservation=f"{largest // 2 + (1 << 20)}B")
        check = await nodes.resources(daemon, reserving, known)
    assert not check.ok
    assert check.detail.startswith(f"{len(known)} of 2 replicas")


async def test_a_full_disk(stack: p.Stack, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ci.targets.swarm.disk.ROOM", 1 << 60)
    found = await bad(stack)
    assert list(found) == ["disk"]
    assert "make room there, with 'docker image prune'" in found["disk"]


def test_what_df_says() -> None:
    assert available(DF) == 66890836 << 10
    with pytest.raises(RefusedError, match="df said: no such thing"):
        available("no such thing")


def test_nodes_that_are_away_are_named() -> None:
    known = [node("one"), node("two", state="down"), node("three", availability="drain")]
    assert nodes.usable(known) == known[:1]
    check = nodes.ready(known)
    assert check.ok
    assert check.detail == "1 of 3 are ready (two is down, active, three is ready, drain)"
    none = nodes.ready(known[1:])
    assert not none.ok
    assert none.detail.endswith("start Docker there, or 'docker node update --availability active'")


async def test_a_loopback_registry_is_no_registry_of_several_nodes(stack: p.Stack, image: Image) -> None:
    request = p.Preflight(stack=stack, image=image("one"))
    async with reach(stack.environment, p.Access()) as daemon:
        several = await pulling.image(daemon, request, [node("one"), node("two")])
        other = await pulling.architecture(daemon, request, [node("one")])
    assert not several.ok
    assert "localhost:5000 is another place on each of the 2 nodes: set registry.repository" in several.detail
    assert "not for one (arm64)" in other.detail
