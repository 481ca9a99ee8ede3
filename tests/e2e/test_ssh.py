"""A target over ssh, from the command line to the step in which the key is used."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from ci.settings import FILE
from tests.machine import a_free_port, gateway
from tests.ssh import a_host

from .conftest import Project, remove

pytestmark = pytest.mark.full


@pytest.fixture
def apart(project: Project) -> Iterator[Project]:
    """A project with a stack of its own."""
    name, file = project.stack.app.name, project.folder / FILE
    edge = f"edge.port = {project.stack.environment.edge.port}"
    file.write_text(file.read_text().replace(edge, f"edge.port = {a_free_port()}").replace(name, f"{name}-far"))
    yield project
    remove(project)


async def test_service_is_delivered_over_ssh(apart: Project, tmp_path: Path) -> None:
    # A step sees this machine as it sees any other: by an address that is not its own.
    address = gateway()
    async with a_host(tmp_path, address) as (port, host_key, key):
        place = f"ssh://root@{address}:{port}"
        settings = (
            f"--overrides=environments.dev.target.address={place}",
            f"--overrides=environments.dev.target.known_hosts=[{address}]:{port} {host_key}",
        )
        given = (*settings, apart.constructor[1], f"--ssh-key=file:{key}")

        async def call(*words: str, constructor: tuple[str, ...] = given) -> tuple[int, str, str]:
            outcome = await asyncio.to_thread(lambda: apart.ci(*words, constructor=constructor))
            return outcome.status, outcome.out, outcome.err

        status, out, err = await call("deploy", "--env=dev", "summary")
        assert status == 0, err
        version = httpx.get(apart.address, timeout=10).headers["x-version"]
        assert version in out
        assert (await call("verify", "--env=dev", "summary"))[0] == 0

        status, _, err = await call("status", "--env=dev", "summary", constructor=(*settings, apart.constructor[1]))
        assert status == 1
        assert "cannot be reached without --ssh-key" in err.splitlines()[-1]
        other = f"--overrides=environments.dev.target.known_hosts=[{address}]:{port} {_another(host_key)}"
        status, _, err = await call("status", "--env=dev", "summary", constructor=(*given, other))
        assert status == 1
        assert "the host's key is not the one in known_hosts" in err.splitlines()[-1]


def _another(key: str) -> str:
    """Return a public key of the same kind that is not this one."""
    return key[:-4] + ("AAAA" if key[-4:] != "AAAA" else "BBBB")
