"""The service's secrets, from the command that sets them: any bytes, and missed before anything is built."""

import hashlib
import time
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from ci.settings import FILE
from tests.machine import a_free_port, docker

from .conftest import Project, remove

KEYSTORE = b"\xfe\xed\xfe\xed\0\0\0\2\r\n" + bytes(range(256)) + b"\n"


@pytest.fixture
def alone(project: Project) -> Iterator[Project]:
    """A project with a stack of its own, whose releases in dev read a secret."""
    text = (project.folder / FILE).read_text()
    text = text.replace(project.stack.app.name, f"e2e-{uuid.uuid4().hex[:8]}")
    text = text.replace(f"edge.port = {project.stack.environment.edge.port}", f"edge.port = {a_free_port()}")
    (project.folder / FILE).write_text(text.replace('kind = "dev"', 'kind = "dev"\nsecrets = ["keystore"]'))
    yield project
    remove(project)


def test_missing_secret_is_refused_before_anything_is_built(alone: Project) -> None:
    outcome = alone.ci("--progress=plain", "deploy", "--env=dev")
    assert (outcome.status, outcome.out) == (1, "")
    assert "dev: preflight: secrets: never set: keystore: ci call secrets set --env dev --name keystore" in outcome.err
    assert "slipway-agent prepare dev" in outcome.err
    for step in ("slipway-agent deliver", "push localhost", "publish", "--no-dev"):
        assert step not in outcome.err


def test_any_bytes_are_a_secret(alone: Project, tmp_path: Path) -> None:
    (tmp_path / "keystore").write_bytes(KEYSTORE)
    outcome = alone.ci("secrets", "set", "--env=dev", "--name=keystore", f"--value=file:{tmp_path}/keystore")
    assert outcome.status == 0, outcome.err
    assert outcome.out == (
        "keystore has its value number 1; releases read it from the next deploy on: ci call deploy --env dev\n"
    )
    name = f"{alone.stack.namespace}_keystore.1"
    assert read_secret(name) == hashlib.sha256(KEYSTORE).hexdigest()


def read_secret(name: str) -> str:
    """Return the SHA-256 of a Swarm secret, which only a service can read."""
    service = f"reader-{uuid.uuid4().hex[:8]}"
    command = ["sh", "-c", f"sha256sum </run/secrets/{name}; sleep 60"]
    docker("service", "create", "--detach", "--quiet", f"--name={service}", f"--secret={name}", "busybox:1", *command)
    try:
        deadline = time.monotonic() + 60
        while not (printed := docker("service", "logs", "--raw", service)):
            assert time.monotonic() < deadline, docker("service", "ps", "--no-trunc", service)
            time.sleep(0.2)
    finally:
        docker("service", "rm", service)
    return printed.split()[0]
