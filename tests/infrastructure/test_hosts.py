"""Hosts in the settings, and the errors where a host cannot be made ready."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import asyncssh
import pytest
from pydantic import ValidationError

from ci.agent.dispatch import respond
from ci.agent.home import Home, Rules
from ci.agent.protocol.requests import Provision
from ci.agent.protocol.responses import Failed
from ci.settings import Host
from tests.infrastructure.cluster import make_home, make_settings, with_hosts


@asynccontextmanager
async def an_ordinary_host(folder: Path) -> AsyncIterator[tuple[int, str, str]]:
    """Run an ssh server whose user is not root: its port, its host key, and a key that opens it."""
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


def described(**changed: object) -> Host:
    fine = {"address": "ssh://root@198.51.100.1", "known_hosts": "198.51.100.1 ssh-ed25519 AAAA"}
    return Host.model_validate(fine | changed)


def test_host_is_a_manager_with_its_address() -> None:
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
def test_wrong_host_is_refused(changed: dict[str, object], says: str) -> None:
    with pytest.raises(ValidationError, match=says):
        described(**changed)


async def failure(folder: Path, key: Path, **hosts: Host) -> Failed:
    """Provision hosts, which fails."""
    rules = Rules(settings=with_hosts(make_settings(), hosts) if hosts else make_settings())
    response = await respond(Home(make_home(folder, rules, key)), Provision(environment="dev"))
    assert isinstance(response, Failed), response
    return response


async def test_environment_needs_a_host_that_leads(tmp_path: Path) -> None:
    failed = await failure(tmp_path, tmp_path / "none", one=described(role="worker"))
    assert failed.reason == "missing"
    assert "environments.dev.hosts: one host must have the role manager" in failed.message
    nowhere = await failure(tmp_path, tmp_path / "none")
    assert "environments.dev.hosts: names no host" in nowhere.message


async def test_host_needs_a_private_key(tmp_path: Path) -> None:
    failed = await failure(tmp_path, tmp_path / "none", one=described())
    assert (failed.reason, failed.message.partition(": ")[0]) == ("missing", "dev")
    assert "--ssh-key" in failed.message


async def test_unreadable_keys_are_reported(tmp_path: Path) -> None:
    (tmp_path / "key").write_text("no key")
    for known_hosts in ("one", "198.51.100.1 ssh-ed25519 AAAA"):
        failed = await failure(tmp_path, tmp_path / "key", one=described(known_hosts=known_hosts))
        assert failed.reason == "missing"
        assert "cannot be read" in failed.message


async def test_host_is_provisioned_by_root_only(tmp_path: Path) -> None:
    async with an_ordinary_host(tmp_path) as (port, key, private):
        host = described(address=f"ssh://author@127.0.0.1:{port}", known_hosts=f"[127.0.0.1]:{port} {key}")
        failed = await failure(tmp_path, Path(private), one=host)
    assert failed.reason == "missing"
    assert "one: " in failed.message
    assert "needs root there: use ssh://root@" in failed.message
