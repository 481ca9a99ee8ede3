"""The ways to a target and to its registry, and what is said where they end."""

import os
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any, get_args

import asyncssh
import pytest

from ci.settings import Target
from ci.targets import protocol as p
from ci.targets.__main__ import answer
from ci.targets.swarm import PHASES
from tests.ssh import a_host


def over_ssh(stack: p.Stack, port: int, known_hosts: str) -> p.Stack:
    target = Target(address=f"ssh://root@127.0.0.1:{port}", known_hosts=known_hosts)
    return stack.model_copy(update={"environment": stack.environment.model_copy(update={"target": target})})


async def failure(request: p.AnyRequest) -> p.Failed:
    outcome = await answer(request)
    assert isinstance(outcome, p.Failed), outcome
    return outcome


async def test_no_docker_socket(stack: p.Stack) -> None:
    failed = await failure(p.State(stack=stack, access=p.Access(socket="/nowhere/docker.sock")))
    assert failed.reason == "unreachable"
    assert failed.message.startswith("state: /nowhere/docker.sock: there is no Docker socket: start Docker")


async def test_nobody_listens_on_the_socket(stack: p.Stack, tmp_path: Path) -> None:
    path = str(tmp_path / "docker.sock")
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(path)
    failed = await failure(p.State(stack=stack, access=p.Access(socket=path)))
    assert failed.reason == "unreachable"
    assert "no Docker daemon answers" in failed.message


async def test_over_ssh(stack: p.Stack, tmp_path: Path) -> None:
    async with a_host(tmp_path) as (port, host_key, key):
        remote = over_ssh(stack, port, f"[127.0.0.1]:{port} {host_key}")
        checked = await answer(p.Preflight(stack=remote, access=p.Access(key_file=key)))
    assert checked.ok, checked


async def test_a_changed_host_key_is_refused(stack: p.Stack, tmp_path: Path) -> None:
    other = asyncssh.generate_private_key("ssh-ed25519").export_public_key().decode()
    async with a_host(tmp_path) as (port, _, key):
        remote = over_ssh(stack, port, f"[127.0.0.1]:{port} {other}")
        failed = await failure(p.State(stack=remote, access=p.Access(key_file=key)))
    assert failed.reason == "unreachable"
    assert "the host's key is not the one in known_hosts" in failed.message


async def test_a_key_that_does_not_open_is_refused(stack: p.Stack, tmp_path: Path) -> None:
    stranger = tmp_path / "stranger"
    asyncssh.generate_private_key("ssh-ed25519").write_private_key(str(stranger))
    async with a_host(tmp_path) as (port, host_key, _):
        remote = over_ssh(stack, port, f"[127.0.0.1]:{port} {host_key}")
        failed = await failure(p.State(stack=remote, access=p.Access(key_file=str(stranger))))
    assert failed.reason == "unreachable"
    assert "cannot connect over ssh" in failed.message


async def test_ssh_without_a_key(stack: p.Stack) -> None:
    remote = over_ssh(stack, 22, "host ssh-ed25519 AAAA")
    failed = await failure(p.State(stack=remote))
    assert failed.reason == "missing"
    assert "--ssh-key" in failed.message


@pytest.fixture
def tarball(tmp_path: Path) -> str:
    path = str(tmp_path / "image.tar")
    subprocess.run(["docker", "save", "--output", path, "busybox:1"], check=True)
    return path


async def test_a_tarball_is_pushed_through_the_daemon(stack: p.Stack, tarball: str) -> None:
    pushed = await answer(p.Push(stack=stack, tarball=tarball, repository=stack.registry.repository, tag="1"))
    assert isinstance(pushed, p.Pushed), pushed
    assert pushed.image == f"{stack.registry.repository}@{pushed.digest}"
    checked = await answer(p.Preflight(stack=stack, image=pushed.image))
    assert checked.ok, checked
    subprocess.run(["docker", "image", "rm", f"{stack.registry.repository}:1"], capture_output=True, check=True)


async def test_no_tarball(stack: p.Stack) -> None:
    failed = await failure(p.Push(stack=stack, tarball="/nowhere.tar", repository="localhost:5000/x", tag="1"))
    assert failed.reason == "missing"
    assert "/nowhere.tar" in failed.message


async def test_a_file_that_is_no_image(stack: p.Stack, tmp_path: Path) -> None:
    path = tmp_path / "image.tar"
    path.write_text("no image")
    failed = await failure(p.Push(stack=stack, tarball=str(path), repository="localhost:5000/x", tag="1"))
    assert failed.reason == "refused"


async def test_a_registry_that_is_not_there(stack: p.Stack, tarball: str) -> None:
    failed = await failure(p.Push(stack=stack, tarball=tarball, repository="localhost:1/x", tag="1"))
    subprocess.run(["docker", "image", "rm", "localhost:1/x:1"], capture_output=True, check=True)
    assert failed.reason == "refused"
    assert "the registry does not take localhost:1/x:1" in failed.message
    assert ":1 does not answer: is it running, is this its name and port" in failed.message


def test_the_program_answers_on_its_output(stack: p.Stack) -> None:
    request = p.State(stack=stack).model_dump_json()
    done = subprocess.run(
        [sys.executable, "-m", "ci.targets"], input=request, capture_output=True, text=True, check=True
    )
    outcome = p.read_outcome(done.stdout)
    assert isinstance(outcome, p.Described)
    assert outcome.message == "nothing serves here"
    assert not outcome.ok


def test_the_program_needs_nothing_of_dagger() -> None:
    script = (
        "import sys, ci.targets.__main__ as m; print([n for n in sys.modules if n.split('.')[0] in ('dagger', 'gql')])"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True, env={"PATH": os.environ["PATH"]}
    )
    assert done.stdout.strip() == "[]"


def test_every_request_is_answered() -> None:
    union: Any = get_args(p.AnyRequest)[0]
    # Hosts are prepared before there is a swarm to ask.
    assert set(get_args(union)) == {*PHASES, p.Provision}
