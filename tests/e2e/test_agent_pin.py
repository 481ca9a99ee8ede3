"""The pin of the agent's image: what is refused without it, and what it is worth against the registry's writers."""

import json
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest

from ci.stages.agent_image import LOCK
from tests.machine import docker
from tests.registries import Stoppable

from .conftest import Environ, a_cache
from .events import Events, docker_events
from .team import Team, new_team

pytestmark = pytest.mark.full

# Would answer any request with a state of its own, if it ever ran.
FORGED = {
    "response": "status",
    "ok": True,
    "message": "forged",
    "state": {"address": "http://evil.example", "current": {"release": "web-evil", "version": "evil"}},
}
DOCKERFILE = "FROM busybox:1\nCOPY slipway-agent /bin/slipway-agent\n"


@pytest.fixture(scope="module")
def pinned(
    tmp_path_factory: pytest.TempPathFactory, module: Path, environ: Environ, registry: Stoppable
) -> Iterator[Team]:
    """A team with a pinned agent, that has delivered nothing yet."""
    host = f"localhost:{registry.port}"
    with new_team(tmp_path_factory.mktemp("pinned"), module, environ, host) as team:
        team.project.constructor = (team.project.constructor[0], f"--registry=tcp://{host}")
        team.pin_agent()
        yield team


@pytest.fixture
def team(pinned: Team) -> Iterator[Team]:
    """The team, whose pin a test may change or remove."""
    lock = pinned.project.folder / LOCK
    text = lock.read_text()
    yield pinned
    lock.write_text(text)


def lock_of(team: Team) -> Any:
    return json.loads((team.project.folder / LOCK).read_text())


def digest(team: Team) -> str:
    return str(lock_of(team)["image"].partition("@")[2])


def current(team: Team) -> str:
    """Ask what serves acceptance, which has to work."""
    return str(team.json("status", "--env=acceptance")["current"])


def test_pinned_agent_runs_in_every_environment(team: Team) -> None:
    assert lock_of(team)["image"].startswith(f"{team.project.stack.registry.repository}@sha256:")
    outcome = team.ci("--progress=plain", "status", "--env=acceptance", "--json")
    assert outcome.json["current"] == ""
    assert " uv sync" not in outcome.err


def test_agent_without_a_pin_is_refused_outside_of_dev_with_the_command_that_pins_it(team: Team) -> None:
    (team.project.folder / LOCK).unlink()
    for words in (("status",), ("deploy", "--version=v1.0.0"), ("rollback",), ("restore",)):
        message = team.refused(words[0], "--env=acceptance", *words[1:])
        assert f"acceptance: {LOCK} is missing" in message
        assert f"ci call pin-agent -o {LOCK}" in message
    assert team.json("status", "--env=dev")["current"] == ""
    # As the message says: for this once, the agent is built here.
    built = replace(team, project=replace(team.project, constructor=(*team.project.constructor, "--build-agent")))
    assert current(built) == ""


def test_pin_of_another_version_of_slipway_is_refused(team: Team) -> None:
    lock = team.project.folder / LOCK
    lock.write_text(json.dumps(lock_of(team) | {"inputs": "0" * 64}))
    message = team.refused("status", "--env=acceptance")
    assert f"acceptance: {LOCK} pins the agent of another version of Slipway ({lock_of(team)['image']})" in message
    assert f"ci call pin-agent -o {LOCK}" in message


def test_damaged_pin_is_refused(team: Team) -> None:
    (team.project.folder / LOCK).write_text("{}")
    assert f"{LOCK}: is not a valid pin: write the file again: ci call pin-agent" in team.refused(
        "status", "--env=acceptance"
    )


@pytest.fixture
def evil(team: Team, tmp_path: Path) -> Iterator[str]:
    """Another image under the reserved tag of the agent's image, pushed by a person who may write to the registry."""
    (tmp_path / "Dockerfile").write_text(DOCKERFILE)
    program = tmp_path / "slipway-agent"
    place = '"${SLIPWAY_RESPONSE:-/dev/stdout}"'
    program.write_text(f"#!/bin/sh\ncat >{place} <<EOF\n{json.dumps(FORGED)}\nEOF\n")
    program.chmod(0o755)
    host, _, name = team.project.stack.registry.repository.partition("/")
    tags = httpx.get(f"http://{host}/v2/{name}/tags/list").json()["tags"]
    (tag,) = [tag for tag in tags if tag.startswith("agent-")]
    image = f"{host}/{name}:{tag}"
    docker("build", "--quiet", f"--tag={image}", str(tmp_path))
    # The image does what it is meant to do, so that the tests below can fail.
    assert json.loads(docker("run", "--rm", image, "slipway-agent", "status")) == FORGED
    docker("push", "--quiet", image)
    yield image
    docker("image", "rm", "--force", image)


@pytest.fixture
def fresh(team: Team, tmp_path: Path) -> Iterator[Team]:
    """The team on a machine that has never run this agent: an empty cache, and no such image."""
    forget(team)
    with a_cache(tmp_path / "cache") as environ:
        yield replace(team, project=replace(team.project, environ=environ))


def forget(team: Team) -> None:
    """Let this machine's Docker no longer know the pinned image by its digest."""
    image = lock_of(team)["image"]
    if image_exists(image):
        # An image on which others build keeps its last name.
        docker("tag", image, f"{image.partition('@')[0]}:kept")
        docker("image", "rm", image)
    assert not image_exists(image)


def image_exists(image: str) -> bool:
    return subprocess.run(["docker", "image", "inspect", image], capture_output=True, check=False).returncode == 0


def test_overwritten_tag_of_the_agent_changes_nothing(fresh: Team, evil: str) -> None:
    assert docker("image", "inspect", "--format", "{{index .RepoDigests 0}}", evil) != lock_of(fresh)["image"]
    with docker_events() as events:
        assert current(fresh) == ""
    assert_never_ran(events, evil)


def test_deleted_or_replaced_manifest_gets_no_other_agent_to_run(fresh: Team, evil: str, data: Path) -> None:
    blob = blob_of(data, digest(fresh))
    manifest = blob.read_bytes()
    other = docker("image", "inspect", "--format", "{{index .RepoDigests 0}}", evil).partition("@")[2]
    with docker_events() as events:
        try:
            # Under the pinned digest the registry now has the other image's manifest, and then none at all.
            blob.write_bytes(blob_of(data, other).read_bytes())
            outcomes = [fresh.ci("status", "--env=acceptance", "summary")]
            forget(fresh)
            blob.unlink()
            outcomes.append(fresh.ci("status", "--env=acceptance", "summary"))
        finally:
            blob.write_bytes(manifest)
    for outcome in outcomes:
        # Docker may remember the pinned manifest by itself, and then the pinned agent answers.
        assert outcome.status == 1 or "nothing serves here" in outcome.out
        assert "forged" not in outcome.out + outcome.err
    assert_never_ran(events, evil)


def blob_of(data: Path, digest: str) -> Path:
    """Return the file in which the registry keeps a manifest."""
    number = digest.removeprefix("sha256:")
    return data / "docker/registry/v2/blobs/sha256" / number[:2] / number / "data"


def assert_never_ran(events: Events, image: str) -> None:
    """Look for a container of an image among all containers that were created."""
    number = docker("image", "inspect", "--format", "{{.Id}}", image)
    assert events.having("container create")
    assert events.having("container create", image) == []
    assert events.having("container create", number) == []
