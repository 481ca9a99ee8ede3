"""A machine that reaches nothing but the team's registry: deliveries, rollbacks and reports need nothing else."""

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from ci.stages.agent_image import LOCK
from tests.infrastructure.lan import Lan, Machine, sshd, until
from tests.registries import Stoppable

from .conftest import CI, REPOSITORY, TIMEOUT, Environ, Outcome
from .team import Team, new_team

pytestmark = pytest.mark.full

SOCKET = "/var/run/docker.sock"


@dataclass
class Alone:
    """A person of the team at a machine whose Docker and whose engine have never seen anything."""

    machine: Machine
    team: Team
    registry: str

    def ci(self, *words: str) -> Outcome:
        """Run `ci call` there, as the deployer where something is delivered."""
        project, began = self.team.project, time.monotonic()
        # The machine has a temporary folder and a cache of its own.
        environ = ("env", "-C", str(project.folder), "SLIPWAY_CACHE=/var/cache/slipway", "TERM=dumb", "COLUMNS=120")
        call = (str(CI), "--mod", str(project.module), "call", "--source=.", f"--docker={SOCKET}", self.registry)
        done = subprocess.run(
            self.machine.entered(*environ, *call, *words),
            capture_output=True,
            text=True,
            timeout=TIMEOUT,
            check=False,
            env=project.environ,
        )
        return Outcome(done.returncode, done.stdout, done.stderr, time.monotonic() - began)

    def deliver(self, *words: str) -> Any:
        """Run a delivery to acceptance that has to work."""
        return self.ci(*words, "--env=acceptance", f"--key=file://{self.team.keys}/deployer", "--json").json

    def version(self) -> str:
        """Ask acceptance which version answers."""
        port = self.team.project.stack_of("acceptance").environment.edge.port
        return self.machine.run("curl", "--silent", "--fail", "--max-time", "10", f"http://localhost:{port}/version")


@pytest.fixture(scope="module")
def team(
    tmp_path_factory: pytest.TempPathFactory, module: Path, environ: Environ, registry: Stoppable
) -> Iterator[Team]:
    """A team that packaged two versions while there was a world, and approved both for acceptance."""
    host = f"localhost:{registry.port}"
    with new_team(tmp_path_factory.mktemp("team"), module, environ, host) as team:
        team.project.constructor = (team.project.constructor[0], f"--registry=tcp://{host}")
        team.pin_agent()
        for version in ("v1.0.0", "v1.1.0"):
            team.commit(version)
            team.deploy("dev")
            team.approve("acceptance", version, "lead")
        yield team


@pytest.fixture(scope="module")
def alone(
    tmp_path_factory: pytest.TempPathFactory, pytestconfig: pytest.Config, team: Team, registry: Stoppable
) -> Iterator[Alone]:
    """The machine: one more dockerd in a network namespace, into which one socket leads to the registry."""
    lan = Lan(tmp_path_factory.mktemp("lan"), sshd(pytestconfig, tmp_path_factory))
    with ExitStack() as stack:
        stack.callback(lan.end)
        machine = lan.boot("alone")
        socket, inside = lan.folder / "registry.sock", ("nsenter", "--target", machine.init, "--net", "--")
        _start(stack, sys.executable, "-m", "tests.relays", str(socket), str(registry.port))
        until(socket.exists, 20)
        _start(stack, *inside, sys.executable, "-m", "tests.relays", str(registry.port), str(socket))
        _start(stack, *machine.entered("dockerd", f"--host=unix://{SOCKET}"))
        until(lambda: _works(machine, "docker", "version"))
        machine.run("docker", "swarm", "init", "--advertise-addr=127.0.0.1")
        yield Alone(machine, team, f"--registry=tcp://localhost:{registry.port}")


def _start(stack: ExitStack, *command: str) -> None:
    """Start a program that ends with the stack."""
    process = subprocess.Popen(command, cwd=REPOSITORY, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    stack.callback(process.wait)
    stack.callback(process.kill)


def _works(machine: Machine, *command: str) -> bool:
    return subprocess.run(machine.entered(*command), capture_output=True, check=False).returncode == 0


def test_machine_reaches_nothing_but_the_registry(alone: Alone) -> None:
    assert alone.machine.run("docker", "image", "ls", "--quiet") == ""
    for image in ("busybox:1", "python:3.13-slim"):
        assert not _works(alone.machine, "docker", "pull", image)
    registry = f"http://{alone.registry.rpartition('//')[2]}/v2/"
    assert _works(alone.machine, "curl", "--silent", "--fail", "--max-time", "10", registry)
    assert not _works(alone.machine, "curl", "--silent", "--max-time", "10", "https://pypi.org/simple/uv/")


def test_replaced_manifest_of_the_pinned_agent_is_refused(alone: Alone, data: Path) -> None:
    image = json.loads((alone.team.project.folder / LOCK).read_text())["image"]
    number = image.partition("@sha256:")[2]
    blob = data / "docker/registry/v2/blobs/sha256" / number[:2] / number / "data"
    manifest = blob.read_bytes()
    try:
        # A person who may write to the registry puts another one under the pinned digest.
        blob.write_bytes(json.dumps(json.loads(manifest), indent=1).encode())
        replaced = alone.ci("status", "--env=acceptance")
        blob.unlink()
        deleted = alone.ci("status", "--env=acceptance")
    finally:
        blob.write_bytes(manifest)
    for outcome in (replaced, deleted):
        assert outcome.status == 1, outcome.out
        assert number in outcome.err


def test_everything_after_package_needs_the_registry_alone(alone: Alone) -> None:
    first = alone.deliver("deploy", "--version=v1.0.0")
    assert (first["version"], first["outcome"], alone.version()) == ("v1.0.0", "succeeded", "v1.0.0")
    second = alone.deliver("deploy", "--version=v1.1.0")
    assert (second["version"], second["outcome"], alone.version()) == ("v1.1.0", "succeeded", "v1.1.0")
    back = alone.deliver("rollback")
    assert (back["version"], back["outcome"], alone.version()) == ("v1.0.0", "succeeded", "v1.0.0")

    status = alone.ci("status", "--env=acceptance", "--json").json
    assert (status["healthy"], status["version"]) == (True, "v1.0.0")
    report = alone.ci("report", "--env=acceptance", "--json").json
    assert (report["version"], report["outcome"]) == ("v1.0.0", "succeeded")

    # The environment is lost with all that it holds.
    alone.machine.run("sh", "-ec", "docker service rm $(docker service ls --quiet)")
    until(lambda: not alone.machine.run("docker", "ps", "--quiet", "--filter=label=com.docker.swarm.service.id"), 90)
    restored = alone.deliver("restore")
    assert (restored["version"], restored["outcome"], alone.version()) == ("v1.0.0", "succeeded", "v1.0.0")
