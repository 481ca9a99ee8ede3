"""What the settings may say of hosts, and what is said where they cannot be prepared."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import asyncssh
import pytest
from ci.targets.__main__ import answer
from pydantic import ValidationError

from ci.targets import protocol as p
from tests.infrastructure.cluster import a_stack


@asynccontextmanager
async def an_ordinary_host(folder: Path) -> AsyncIterator[tuple[int, str, str]]:
    """Run an ssh server whose user is nobody special: its port, its host key, and a key that opens it."""
    host, user = asyncssh.generate_private_key("ssh-ed25519"), asyncssh.generate_private_key("ssh-ed25519")
    user.write_private_key(str(folder / "key"))
    user.write_public_key(str(folder / "authorized"))

    def run(process: "asyncssh.SSHServerProcess[str]") -> None:
        process.stdout.write("1000\n")
        process.exit(0)

    server = await asyncssh.create_server(
        asyncssh.SSHServer,
        "127.0.0.1",
        0,
        server_host_keys=[host],
        authorized_client_keys=str(folder / "authorized"),
        process_factory=run,
    )
    async with server:
        yield server.get_port(), host.export_public_key().decode().strip(), str(folder / "key")


def described(**changed: object) -> p.Host:
    fine = {"address": "ssh://root@198.51.100.1", "known_hosts": "198.51.100.1 ssh-ed25519 AAAA"}
    return p.Host.model_validate(fine | changed)


def test_a_host_is_a_manager_and_tells_its_address() -> None:
    assert (described().role, described().advertised) == ("manager", "198.51.100.1")
    assert described(internal="192.0.2.7").advertised == "192.0.2.7"
    # Docker finds it: a name may lead to another address inside than outside.
    assert described(address="ssh://root@node.example.org:2222").advertised == ""


@pytest.mark.parametrize(
    ("changed", "says"),
    [
        ({"address": "unix"}, "must be ssh://user@host"),
        ({"address": "ssh://root@host/var/run/docker.sock"}, "must be ssh://user@host"),
        ({"role": "boss"}, "'manager' or 'worker'"),
        ({"internal": "inside"}, "must be an IP address"),
        ({"labels": {"place": 1}}, "valid string"),
        ({"zone": "north"}, "Extra inputs are not permitted"),
    ],
)
def test_what_a_host_cannot_be(changed: dict[str, object], says: str) -> None:
    with pytest.raises(ValidationError, match=says):
        described(**changed)


def test_somebody_has_to_lead() -> None:
    with pytest.raises(ValidationError, match="one of the hosts must have the role manager"):
        p.Provision(stack=a_stack(), hosts={"one": described(role="worker")})


async def test_a_host_needs_a_private_key() -> None:
    failed = await answer(p.Provision(stack=a_stack(), hosts={"one": described()}))
    assert isinstance(failed, p.Failed), failed
    assert (failed.reason, failed.message.partition(": ")[0]) == ("missing", "provision")
    assert "--ssh-key" in failed.message


async def test_known_hosts_that_cannot_be_read(tmp_path: Path) -> None:
    (tmp_path / "key").write_text("no key")
    access = p.Access(key_file=str(tmp_path / "key"))
    for known_hosts in ("one", "198.51.100.1 ssh-ed25519 AAAA"):
        host = described(known_hosts=known_hosts)
        failed = await answer(p.Provision(stack=a_stack(), hosts={"one": host}, access=access))
        assert isinstance(failed, p.Failed), failed
        assert failed.reason == "missing"
        assert "cannot be read" in failed.message


async def test_only_root_prepares_a_host(tmp_path: Path) -> None:
    async with an_ordinary_host(tmp_path) as (port, key, private):
        host = described(address=f"ssh://author@127.0.0.1:{port}", known_hosts=f"[127.0.0.1]:{port} {key}")
        access = p.Access(key_file=private)
        failed = await answer(p.Provision(stack=a_stack(), hosts={"one": host}, access=access))
    assert isinstance(failed, p.Failed), failed
    assert failed.reason == "missing"
    assert "one: " in failed.message
    assert "needs root there: use ssh://root@" in failed.message
