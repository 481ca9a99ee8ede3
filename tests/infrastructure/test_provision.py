"""Hosts made ready over ssh: three that share nothing become one swarm, and a second time changes nothing."""

import hashlib
import json
import re
from pathlib import Path
from typing import Any

import asyncssh
import pytest

from ci.agent.home import Rules
from ci.agent.protocol.requests import Provision, ReadStatus
from ci.agent.protocol.responses import Done, Failed, Refused, Status
from ci.settings import Host, Settings
from tests.infrastructure.cluster import make_home, make_settings, with_hosts
from tests.infrastructure.lan import Lan, Machine, run

CA = "-----BEGIN CERTIFICATE-----\nof a registry\n-----END CERTIFICATE-----\n"
PACKAGES = "/srv/packages"
pytestmark = pytest.mark.full


@pytest.fixture(scope="module")
def machines(lan: Lan) -> dict[str, Machine]:
    """Three hosts on which Docker does not run."""
    return {label: lan.boot(label) for label in ("one", "two", "three")}


@pytest.fixture(scope="module")
def hosts(machines: dict[str, Machine]) -> dict[str, Host]:
    """The hosts as the settings describe them, the third a worker."""
    one, two, three = machines.values()
    return {
        "one": one.described(place="north"),
        "two": two.described(place="south"),
        "three": three.described("worker", disk="fast", place="south"),
    }


def home(lan: Lan, settings: Settings) -> Path:
    return make_home(lan.folder, Rules(settings=settings, registry_ca=CA), lan.key)


def provision(lan: Lan, hosts: dict[str, Host]) -> Done | Refused | Failed:
    return lan.ask(home(lan, with_hosts(make_settings(), hosts)), Provision(environment="dev"), Done)


def provisioned(lan: Lan, hosts: dict[str, Host]) -> list[str]:
    """Make hosts ready, and return a line for each change."""
    response = provision(lan, hosts)
    assert isinstance(response, Done), response
    ready, _, changes = response.message.partition(": ready; ")
    assert ready == ", ".join(hosts)
    return [] if changes == "nothing had to be changed" else changes.splitlines()


def refused(lan: Lan, hosts: dict[str, Host]) -> Failed:
    response = provision(lan, hosts)
    assert isinstance(response, Failed), response
    return response


def nodes(manager: Machine) -> dict[str, Any]:
    """Describe the swarm's nodes as one of its managers does."""
    names = manager.run("docker", "node", "ls", "--format", "{{.Hostname}}").split()
    found = json.loads(manager.run("docker", "node", "inspect", *names))
    return {node["Description"]["Hostname"].partition("-")[2]: node for node in found}


def test_hosts_become_one_swarm(lan: Lan, machines: dict[str, Machine], hosts: dict[str, Host]) -> None:
    changes = "\n".join(provisioned(lan, hosts))
    for name in hosts:
        for what in (r"\w+ Docker ", r".* is trusted now: ", r"(began a|joined the) swarm ", r"labelled "):
            assert re.search(f"^{name}: {what}", changes, re.MULTILINE), changes
    found = nodes(machines["one"])
    assert {name: node["Spec"]["Role"] for name, node in found.items()} == {
        "one": "manager",
        "two": "manager",
        "three": "worker",
    }
    assert found["three"]["Spec"]["Labels"] == {"disk": "fast", "place": "south"}
    for machine in machines.values():
        assert machine.run("cat", f"/etc/docker/certs.d/{make_settings().registry.host}/ca.crt") == CA.strip()


def test_second_provision_changes_nothing(lan: Lan, machines: dict[str, Machine], hosts: dict[str, Host]) -> None:
    provisioned(lan, hosts)
    before = {name: node["Version"] for name, node in nodes(machines["one"]).items()}
    again = provisioned(lan, hosts)
    assert again == []
    assert {name: node["Version"] for name, node in nodes(machines["one"]).items()} == before


def test_provision_restores_only_what_is_missing(
    lan: Lan, machines: dict[str, Machine], hosts: dict[str, Host]
) -> None:
    provisioned(lan, hosts)
    machines["two"].run("rm", "-r", "/etc/docker/certs.d")
    machines["one"].run(
        "docker", "node", "update", "--label-rm", "disk", "--label-add", "own=kept", machines["three"].name
    )
    again = provisioned(lan, hosts | {"three": machines["three"].described("manager", disk="fast")})
    assert len(again) == 3, again
    assert [line for line in again if line.startswith("two: ") and " is trusted now: " in line]
    assert [line for line in again if line.startswith("three: promoted to manager")]
    assert [line for line in again if line.startswith("three: labelled ")]
    spec = nodes(machines["one"])["three"]["Spec"]
    assert spec == {  # what nobody named stays
        "Role": "manager",
        "Availability": "active",
        "Labels": {"disk": "fast", "own": "kept", "place": "south"},
    }
    demoted = provisioned(lan, hosts)
    assert demoted == ["three: demoted to worker"]


def test_host_of_another_swarm_is_left_alone(lan: Lan, machines: dict[str, Machine], hosts: dict[str, Host]) -> None:
    provisioned(lan, hosts)
    stranger = lan.boot("stranger")
    provisioned(lan, {"stranger": stranger.described()})
    failed = refused(lan, hosts | {"stranger": stranger.described("worker", place="nowhere")})
    assert failed.reason == "missing"
    assert "stranger: belongs to a swarm that the managers here do not lead" in failed.message
    assert "docker swarm leave" in failed.message
    assert len(nodes(machines["one"])) == 3
    assert len(nodes(stranger)) == 1


def test_provision_changes_nothing_unless_all_hosts_answer(lan: Lan) -> None:
    fresh, away = lan.boot("fresh"), lan.boot("away")
    lan.pull_plug(away)
    failed = refused(lan, {"fresh": fresh.described(), "away": away.described()})
    assert failed.reason == "unreachable"
    assert away.described().address in failed.message
    assert fresh.run("sh", "-c", "ls /etc/docker; pgrep dockerd || echo none") == "daemon.json\nnone"


def test_host_with_an_unknown_key_is_refused(lan: Lan, machines: dict[str, Machine]) -> None:
    one, two = machines["one"].described(), machines["two"].described()
    other = asyncssh.generate_private_key("ssh-ed25519").export_public_key().decode()
    name = one.known_hosts.split()[0]
    for known_hosts in (f"{name} {other}", two.known_hosts, "# none"):
        host = one.model_copy(update={"known_hosts": known_hosts})
        failed = refused(lan, {"one": host})
        assert failed.reason == "unreachable"
        assert "the host's key is not the one in known_hosts" in failed.message
        deploying = lan.ask(home(lan, make_settings(host=host)), ReadStatus(environment="dev"), Status)
        assert isinstance(deploying, Failed), deploying
        assert "the host's key is not the one in known_hosts" in deploying.message


def test_docker_is_installed_where_it_is_missing(lan: Lan, tmp_path: Path) -> None:
    bare = lan.boot("bare")
    offer_docker(bare, tmp_path)
    bare.run("dpkg", "--remove", "--force-depends", "docker.io")
    assert bare.run("sh", "-c", "ls /usr/sbin/dockerd /usr/bin/docker 2>/dev/null || echo none") == "none"
    done = provisioned(lan, {"bare": bare.described()})
    assert done[0].startswith("bare: installed Docker ")
    assert bare.run("docker", "info", "--format", "{{.Swarm.LocalNodeState}}") == "active"
    assert provisioned(lan, {"bare": bare.described()}) == []


def test_host_without_a_docker_package_fails_with_the_reason(lan: Lan, tmp_path: Path) -> None:
    bare = lan.boot("empty")
    offer_docker(bare, tmp_path)
    bare.run("dpkg", "--remove", "--force-depends", "docker.io")
    bare.run("truncate", "--size=0", f"{PACKAGES}/Packages")
    failed = refused(lan, {"empty": bare.described()})
    assert failed.reason == "refused"
    assert failed.message.startswith("dev: empty: a command failed there (exit code 100): ")
    assert "docker.io" in failed.message


def offer_docker(machine: Machine, folder: Path) -> None:
    """Let a host, which reaches no mirror, have Debian's package from a folder."""
    run("sh", "-ec", f"cd {folder}; apt-get -qq download docker.io")
    (package,) = folder.glob("*.deb")
    about = run("dpkg-deb", "--field", str(package))
    digest = hashlib.sha256(package.read_bytes()).hexdigest()
    place = f"Filename: ./{package.name}\nSize: {package.stat().st_size}\nSHA256: {digest}\n"
    (folder / "Packages").write_text(f"{about}\n{place}")
    # Where apt's own user may read.
    machine.run("sh", "-ec", f"mkdir -m 755 {PACKAGES}; cp {folder}/* {PACKAGES}")
    source = f"deb [trusted=yes] file:{PACKAGES} ./"
    machine.run("sh", "-ec", f"rm -rf /etc/apt/sources.list.d; echo '{source}' >/etc/apt/sources.list")
