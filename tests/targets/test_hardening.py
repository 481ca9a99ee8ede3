"""Hardening of a release, its database and its edge: each promise, and an attempt to break it."""

import asyncio
import json
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from ci.outcome import Outcome
from tests.agents import Agent, Images

# Docker ignores no-new-privileges for the services of a Swarm before this version.
FIRST_WITH_NO_NEW_PRIVILEGES = 28


def docker(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(["docker", *arguments], capture_output=True, text=True, check=False)


@pytest.fixture(scope="module")
def fortress(serving: Agent, images: Images) -> Agent:
    """An environment with a database and a current release."""
    agent = serving.changed("app.database=postgres")
    report = asyncio.run(agent.deploy("one", images.service("one")))
    assert report.outcome == Outcome.SUCCEEDED, report
    return agent


@pytest.fixture
def release(fortress: Agent) -> str:
    """A container of the current release."""
    return container(fortress, asyncio.run(fortress.state()).current.release)


def container(agent: Agent, service: str) -> str:
    label = f"label=com.docker.swarm.service.name={agent.stack.namespace}_{service}"
    return docker("ps", "--quiet", "--no-trunc", "--filter", label).stdout.split()[0]


def inspected(kind: str, name: str) -> dict[str, Any]:
    return dict(json.loads(docker(kind, "inspect", name).stdout)[0])


def status(text: str) -> dict[str, str]:
    """Parse /proc/PID/status."""
    return {key: value.strip() for key, _, value in (line.partition(":") for line in text.splitlines())}


def capabilities(of: dict[str, str]) -> set[int]:
    return {int(of[kind], 16) for kind in ("CapEff", "CapPrm", "CapInh", "CapBnd", "CapAmb")}


def test_service_runs_as_its_own_user_without_capabilities(fortress: Agent) -> None:
    process = status(httpx.get(f"{fortress.stack.environment.address}/process", timeout=10).text)
    assert set(process["Uid"].split()) == {"10001"}
    assert capabilities(process) == {0}
    # A filter of system calls is on.
    assert process["Seccomp"] == "2"


def test_root_in_the_container_has_no_capability(release: str) -> None:
    inside = ("exec", "--user", "0", release)
    assert capabilities(status(docker(*inside, "cat", "/proc/self/status").stdout)) == {0}
    for attempt in (
        ("mount", "-t", "tmpfs", "none", "/mnt"),
        ("mknod", "/tmp/device", "c", "1", "3"),  # noqa: S108 - inside the container
        ("chown", "10001", "/etc/passwd"),
        ("python", "-c", "import socket; socket.socket(socket.AF_INET, socket.SOCK_RAW, 1)"),
    ):
        tried = docker(*inside, *attempt)
        assert tried.returncode != 0, attempt
        assert "denied" in tried.stderr or "not permitted" in tried.stderr or "Read-only" in tried.stderr


def test_release_can_write_to_a_small_folder_alone(release: str) -> None:
    for user in ("0", "10001"):
        for path in ("/server.py", "/usr/local/bin/python", "/etc/passwd", "/run/secrets/database-url", "/new"):
            tried = docker("exec", "--user", user, release, "sh", "-c", f"echo x >> {path}")
            assert tried.returncode != 0, path
    assert docker("exec", release, "sh", "-c", "echo x > /tmp/x && cat /tmp/x && rm /tmp/x").stdout == "x\n"
    filled = docker("exec", release, "sh", "-c", "head -c 100000000 /dev/zero > /tmp/x; rm /tmp/x")
    assert "No space left on device" in filled.stderr
    # A file there cannot be run.
    script = "printf '#!/bin/sh\\necho ran' > /tmp/run; chmod +x /tmp/run; /tmp/run; rm /tmp/run"
    assert "Permission denied" in docker("exec", release, "sh", "-c", script).stderr


def test_setuid_program_gains_no_capability(release: str) -> None:
    process = status(docker("exec", release, "/cat-as-root", "/proc/self/status").stdout)
    assert {int(process[kind], 16) for kind in ("CapEff", "CapPrm", "CapBnd")} == {0}
    version = int(docker("version", "--format", "{{.Server.Version}}").stdout.partition(".")[0])
    # An older daemon lets the program act as root of the container, without any of root's capabilities.
    can_act_as_root = "0" in process["Uid"].split()
    assert can_act_as_root == (version < FIRST_WITH_NO_NEW_PRIVILEGES)
    assert docker("exec", release, "/cat-as-root", "/proc/1/environ").returncode != 0 or not can_act_as_root


@pytest.mark.parametrize("service", ["", "edge", "db"])
def test_log_of_a_container_is_rotated(fortress: Agent, release: str, service: str) -> None:
    config = inspected("container", container(fortress, service) if service else release)["HostConfig"]["LogConfig"]
    assert config == {"Type": "json-file", "Config": {"max-file": "3", "max-size": str(10 << 20)}}


def test_memory_of_a_replica_is_limited(fortress: Agent, release: str) -> None:
    limit = fortress.stack.environment.resources.memory_bytes
    assert inspected("container", release)["HostConfig"]["Memory"] == limit
    # Twice as much, since a machine may have as much swap for it.
    tried = docker("exec", release, "python", "-c", f"bytearray({2 * limit + (64 << 20)})")
    assert tried.returncode == 137
    assert httpx.get(fortress.stack.environment.address, timeout=10).text == "one"


def test_processes_of_a_replica_are_limited(fortress: Agent, release: str) -> None:
    limit = fortress.stack.environment.resources.pids
    script = f"""
import os, signal, sys
children = []
try:
    for _ in range({limit} + 50):
        child = os.fork()
        if not child:
            signal.pause()
        children.append(child)
except BlockingIOError:
    print(len(children))
finally:
    for child in children:
        os.kill(child, signal.SIGKILL)
"""
    made = docker("exec", release, "python", "-c", script).stdout.strip()
    assert made
    assert int(made) < limit


def test_processors_of_a_replica_are_limited(fortress: Agent, release: str) -> None:
    files = "/sys/fs/cgroup/cpu.max /sys/fs/cgroup/cpu/cpu.cfs_quota_us /sys/fs/cgroup/cpu/cpu.cfs_period_us"
    quota, period = docker("exec", release, "sh", "-c", f"cat {files} 2>/dev/null").stdout.split()
    assert int(quota) / int(period) == fortress.stack.environment.resources.cpus


def networks_that_hosts_reach(of: str) -> list[str]:
    """Return the addresses of a container that every process of its host reaches."""
    attached = inspected("network", "docker_gwbridge")["Containers"]
    return [end["IPv4Address"].partition("/")[0] for name, end in attached.items() if of.startswith(name)]


def addresses(of: str) -> list[str]:
    attached = inspected("container", of)["NetworkSettings"]["Networks"].values()
    return [*(network["IPAddress"] for network in attached), *networks_that_hosts_reach(of)]


# A connection alone proves nothing: a proxy of the network may accept it.
ASK = """
import socket, sys
address, port, question, expected = sys.argv[1], int(sys.argv[2]), sys.argv[3], sys.argv[4]
with socket.create_connection((address, port), 2) as connection:
    connection.settimeout(2)
    connection.sendall(question.format(address=address).encode("latin1").decode("unicode_escape").encode("latin1"))
    sys.exit(expected not in connection.makefile("rb").read(len(expected)).decode(errors="replace"))
"""
# The port, the question and the begin of the answer: of Caddy's administration, and of PostgreSQL.
ADMIN = ("2019", r"GET /config/ HTTP/1.0\r\nHost: {address}:2019\r\n\r\n", "HTTP/1.0 200")
POSTGRES = ("5432", r"\0\0\0\x08\x04\xd2\x16\x2f", "N")


def host_reaches(address: str, port: str, question: str, expected: str) -> bool:
    tried = subprocess.run(
        [sys.executable, "-c", ASK, address, port, question, expected], capture_output=True, text=True, check=False
    )
    return tried.returncode == 0


def containers_reach(network: str, address: str, port: str, question: str, expected: str) -> bool:
    run = ("run", "--rm", "--network", network, "python:3.13-slim", "python", "-c", ASK)
    return docker(*run, address, port, question, expected).returncode == 0


def published(of: str) -> Iterator[int]:
    for ends in inspected("container", of)["NetworkSettings"]["Ports"].values():
        yield from (int(end["HostPort"]) for end in ends or [])


def test_database_answers_releases_alone(fortress: Agent) -> None:
    database = container(fortress, "db")
    assert not list(published(database))
    assert networks_that_hosts_reach(database) == []
    for address in addresses(database):
        assert not host_reaches(address, *POSTGRES)
        assert not containers_reach("bridge", address, *POSTGRES)
        # Beside the releases, and still not with them.
        assert not containers_reach(f"{fortress.stack.namespace}_default", address, *POSTGRES)
        assert containers_reach(f"{fortress.stack.namespace}_data", address, *POSTGRES)


def test_database_has_few_capabilities(fortress: Agent) -> None:
    processes = docker("exec", container(fortress, "db"), "sh", "-c", "cat /proc/[0-9]*/status").stdout
    # Docker itself enters the container for a moment, for a health probe or for this command.
    own = [text for text in processes.split("Name:\t") if text and not text.startswith("runc")]
    effective = {line.split()[1] for text in own for line in text.splitlines() if line.startswith("CapEff")}
    # Chown, dac_override, fowner, setgid and setuid, of what starts it; the server itself has none.
    assert effective <= {"00000000000000cb", "0000000000000000"}
    assert "0000000000000000" in effective


def test_edge_is_administered_from_the_stack_alone(fortress: Agent) -> None:
    edge = container(fortress, "edge")
    assert set(published(edge)) == {fortress.stack.environment.edge.port}
    assert networks_that_hosts_reach(edge) != []
    for address in addresses(edge):
        assert not host_reaches(address, *ADMIN)
        assert not containers_reach("bridge", address, *ADMIN)
    assert containers_reach(f"{fortress.stack.namespace}_default", addresses(edge)[0], *ADMIN)
    # And not through the published port.
    answered = httpx.get(f"{fortress.stack.environment.address}/config/", timeout=10)
    assert answered.headers["x-build"] == "one"
