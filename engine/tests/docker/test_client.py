"""What is said when Docker's daemon cannot be reached, or cannot do what it was asked for."""

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from slipway_engine.docker.advice import add_advice
from slipway_engine.docker.client import Docker
from slipway_engine.environment import Environment
from slipway_engine.errors import DockerError

ASK = """
import asyncio
from slipway_engine.docker.client import Docker
from slipway_engine.environment import Environment
from slipway_engine.errors import DockerError
async def ask():
    docker = Docker(Environment.read().docker_host)
    try:
        await docker.call("GET", "version")
    except DockerError as error:
        print(error)
    await docker.close()
asyncio.run(ask())
"""


async def refused(host: str, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setenv("DOCKER_HOST", host)
    docker = Docker(Environment.read().docker_host)
    with pytest.raises(DockerError) as caught:
        await docker.call("GET", "version")
    await docker.close()
    return str(caught.value)


@pytest.fixture
def listening(tmp_path: Path) -> Iterator[Path]:
    """A socket on which somebody listens."""
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(tmp_path / "docker.sock"))
        server.listen()
        yield tmp_path / "docker.sock"


async def test_no_socket(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    said = await refused(f"unix://{tmp_path}/docker.sock", monkeypatch)
    assert said.startswith(f"the Docker daemon cannot be reached at unix://{tmp_path}/docker.sock: ")
    assert f"\n→ there is no {tmp_path}/docker.sock: start Docker" in said


async def test_error_advises_when_nothing_listens_on_the_socket(
    listening: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    dead = listening.with_name("dead.sock")
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(dead))
    assert "\n→ nothing listens there: start Docker" in await refused(f"unix://{dead}", monkeypatch)


async def test_error_advises_when_nothing_listens_on_the_port(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket() as bound:  # a port that nobody else can take
        bound.bind(("127.0.0.1", 0))
        said = await refused(f"tcp://127.0.0.1:{bound.getsockname()[1]}", monkeypatch)
    assert "\n→ nothing listens there: start Docker" in said


async def test_a_host_without_an_address(monkeypatch: pytest.MonkeyPatch) -> None:
    said = await refused("tcp://nowhere.invalid:2375", monkeypatch)
    assert "\n→ its host has no address: look at the name in DOCKER_HOST" in said


def test_a_socket_that_is_not_ours(listening: Path) -> None:
    listening.chmod(0)
    # Not even root may use it without its capabilities.
    plain = ["setpriv", "--inh-caps=-all", "--bounding-set=-all"] if os.geteuid() == 0 else []
    done = subprocess.run(
        [*plain, sys.executable, "-c", ASK],
        env=os.environ | {"DOCKER_HOST": f"unix://{listening}"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert f"\n→ this user may not use {listening}: let them into its group (`sudo usermod -aG docker" in done.stdout


def test_a_full_disk() -> None:
    said = add_advice("Error processing tar file(exit status 1): write /x: no space left on device")
    assert said.endswith("`ci prune` and `docker image prune` free some of it")
    assert add_advice("no such image") == "no such image"
