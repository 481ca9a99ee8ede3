"""The ways to a target and to its registry, and the errors where a way ends."""

import socket
import subprocess
from pathlib import Path

import asyncssh
import pytest

from ci.agent.home import ARCHIVES, SSH_KEY
from ci.agent.protocol.requests import PushArchives, ReadStatus
from ci.agent.protocol.responses import Failed, Pushed, Status
from ci.settings import Target
from ci.targets.access import Access
from ci.targets.swarm.target import SwarmTarget
from ci.targets.target import Check
from tests.agents import Agent
from tests.machine import docker
from tests.ssh import a_host

STATUS = ReadStatus(environment="dev")


def over_ssh(agent: Agent, port: int, known_hosts: str) -> Agent:
    return agent.changed(
        f"environments.dev.target.address=ssh://root@127.0.0.1:{port}",
        f'environments.dev.target.known_hosts="{known_hosts}"',
    )


async def test_missing_socket_is_unreachable(agent: Agent) -> None:
    (agent.home / "docker.sock").write_text("no socket")
    failed = await agent.fail(STATUS)
    assert (failed.where, failed.reason) == ("target", "unreachable")
    assert failed.message.startswith(f"dev: {agent.home}/docker.sock: there is no Docker socket: start Docker")


async def test_socket_without_a_daemon_is_unreachable(agent: Agent) -> None:
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(str(agent.home / "docker.sock"))
    failed = await agent.fail(STATUS)
    assert failed.reason == "unreachable"
    assert "no Docker daemon answers" in failed.message


async def test_target_is_reached_over_ssh(agent: Agent, tmp_path: Path) -> None:
    async with a_host(tmp_path) as (port, host_key, key):
        environment = agent.stack.environment.model_copy(
            update={
                "target": Target(address=f"ssh://root@127.0.0.1:{port}", known_hosts=f"[127.0.0.1]:{port} {host_key}")
            }
        )
        remote = agent.stack.model_copy(update={"environment": environment})
        async with SwarmTarget.connect(remote, Access(key_file=key)) as target:
            checks = await target.check("")
    assert {check.name for check in checks if check.ok} >= {"swarm", "nodes", "port", "disk"}, checks
    assert Check(name="secrets", ok=True, detail="0 of 0 are set") in checks


async def test_changed_host_key_is_refused(agent: Agent, tmp_path: Path) -> None:
    other = asyncssh.generate_private_key("ssh-ed25519").export_public_key().decode().strip()
    async with a_host(tmp_path) as (port, _, key):
        remote = over_ssh(agent, port, f"[127.0.0.1]:{port} {other}")
        (remote.home / SSH_KEY).symlink_to(key)
        failed = await remote.fail(STATUS)
    assert failed.reason == "unreachable"
    assert "the host's key is not the one in known_hosts" in failed.message


async def test_unknown_private_key_is_refused(agent: Agent, tmp_path: Path) -> None:
    async with a_host(tmp_path) as (port, host_key, _):
        remote = over_ssh(agent, port, f"[127.0.0.1]:{port} {host_key}")
        asyncssh.generate_private_key("ssh-ed25519").write_private_key(str(remote.home / SSH_KEY))
        failed = await remote.fail(STATUS)
    assert failed.reason == "unreachable"
    assert "cannot connect over ssh" in failed.message


async def test_ssh_needs_a_private_key(agent: Agent) -> None:
    failed = await over_ssh(agent, 22, "host ssh-ed25519 AAAA").fail(STATUS)
    assert failed.reason == "missing"
    assert "--ssh-key" in failed.message


async def test_status_of_an_empty_environment_is_not_ok(agent: Agent) -> None:
    status = await agent.ask(Status, STATUS)
    assert (status.ok, status.message) == (False, "nothing serves here")
    assert (status.state.releases, status.state.services) == ((), {})


@pytest.fixture
def archive(agent: Agent) -> str:
    """The name of an image's archive in the agent's home."""
    (agent.home / ARCHIVES).mkdir()
    subprocess.run(["docker", "save", "--output", str(agent.home / ARCHIVES / "image.tar"), "busybox:1"], check=True)
    return "image.tar"


def push(archive: str) -> PushArchives:
    return PushArchives(environment="dev", tags={archive: "1"})


async def test_archive_is_pushed_through_the_daemon(agent: Agent, archive: str) -> None:
    pushed = await agent.ask(Pushed, push(archive))
    image = pushed.images[archive]
    assert image.startswith(f"{agent.settings.registry.repository}@sha256:")
    async with agent.target() as target:
        checks = await target.check(image)
    assert all(check.ok for check in checks), checks
    docker("image", "rm", f"{agent.settings.registry.repository}:1")


async def test_missing_archive_is_reported(agent: Agent) -> None:
    failed = await agent.fail(push("nowhere.tar"))
    assert failed.reason == "missing"
    assert f"{agent.home}/{ARCHIVES}/nowhere.tar" in failed.message


async def test_file_that_is_no_image_is_refused(agent: Agent) -> None:
    (agent.home / ARCHIVES).mkdir()
    (agent.home / ARCHIVES / "image.tar").write_text("no image")
    assert (await agent.fail(push("image.tar"))).reason == "refused"


async def test_silent_registry_is_named_with_advice(agent: Agent, archive: str) -> None:
    other = agent.changed("registry.repository=localhost:1/x")
    (other.home / ARCHIVES).symlink_to(agent.home / ARCHIVES)
    failed = await other.ask(Failed, push(archive))
    docker("image", "rm", "localhost:1/x:1")
    assert failed.reason == "refused"
    assert "the registry does not take localhost:1/x:1" in failed.message
    assert ":1 does not answer: check that it runs, its name and its port" in failed.message
