"""Hosts made ready over ssh: three that share nothing become one swarm, and a second time changes nothing."""

import hashlib
import json
from pathlib import Path
from typing import Any

import asyncssh
import pytest

from ci.targets import protocol as p
from tests.infrastructure.cluster import a_stack
from tests.infrastructure.lan import Lan, Machine, run

CA = "-----BEGIN CERTIFICATE-----\nof a registry\n-----END CERTIFICATE-----\n"
PACKAGES = "/srv/packages"
pytestmark = pytest.mark.full


@pytest.fixture(scope="module")
def machines(lan: Lan) -> dict[str, Machine]:
    """Three hosts on which Docker does not run."""
    return {label: lan.boot(label) for label in ("one", "two", "three")}


@pytest.fixture(scope="module")
def hosts(machines: dict[str, Machine]) -> dict[str, p.Host]:
    """The hosts as the settings describe them, the third a worker."""
    one, two, three = machines.values()
    return {
        "one": one.described(place="north"),
        "two": two.described(place="south"),
        "three": three.described("worker", disk="fast", place="south"),
    }


def provision(lan: Lan, hosts: dict[str, p.Host]) -> p.AnyOutcome:
    return lan.ask(p.Provision(stack=a_stack(), access=lan.access, hosts=hosts, registry_ca=CA))


def provisioned(lan: Lan, hosts: dict[str, p.Host]) -> p.Provisioned:
    outcome = provision(lan, hosts)
    assert isinstance(outcome, p.Provisioned), outcome
    return outcome


def refused(lan: Lan, hosts: dict[str, p.Host]) -> p.Failed:
    outcome = provision(lan, hosts)
    assert isinstance(outcome, p.Failed), outcome
    return outcome


def nodes(manager: Machine) -> dict[str, Any]:
    """Describe the swarm's nodes as one of its managers does."""
    names = manager.run("docker", "node", "ls", "--format", "{{.Hostname}}").split()
    found = json.loads(manager.run("docker", "node", "inspect", *names))
    return {node["Description"]["Hostname"].partition("-")[2]: node for node in found}


def test_hosts_become_one_swarm(lan: Lan, machines: dict[str, Machine], hosts: dict[str, p.Host]) -> None:
    done = provisioned(lan, hosts)
    assert done.message.startswith("one, two, three: ready; ")
    changed = {(step.host, step.what) for step in done.changed}
    assert changed >= {(name, what) for name in hosts for what in ("docker", "registry CA", "swarm", "labels")}
    found = nodes(machines["one"])
    assert {name: node["Spec"]["Role"] for name, node in found.items()} == {
        "one": "manager",
        "two": "manager",
        "three": "worker",
    }
    assert found["three"]["Spec"]["Labels"] == {"disk": "fast", "place": "south"}
    for machine in machines.values():
        assert machine.run("cat", f"/etc/docker/certs.d/{a_stack().registry.host}/ca.crt") == CA.strip()


def test_twice_in_a_row_changes_nothing(lan: Lan, machines: dict[str, Machine], hosts: dict[str, p.Host]) -> None:
    provisioned(lan, hosts)
    before = {name: node["Version"] for name, node in nodes(machines["one"]).items()}
    again = provisioned(lan, hosts)
    assert again.changed == ()
    assert again.message == "one, two, three: ready; nothing had to be changed"
    assert {name: node["Version"] for name, node in nodes(machines["one"]).items()} == before


def test_what_is_missing_is_put_back_alone(lan: Lan, machines: dict[str, Machine], hosts: dict[str, p.Host]) -> None:
    provisioned(lan, hosts)
    machines["two"].run("rm", "-r", "/etc/docker/certs.d")
    machines["one"].run(
        "docker", "node", "update", "--label-rm", "disk", "--label-add", "own=kept", machines["three"].name
    )
    again = provisioned(lan, hosts | {"three": machines["three"].described("manager", disk="fast")})
    assert {(step.host, step.what) for step in again.changed} == {
        ("two", "registry CA"),
        ("three", "role"),
        ("three", "labels"),
    }
    spec = nodes(machines["one"])["three"]["Spec"]
    assert spec == {  # what nobody named stays
        "Role": "manager",
        "Availability": "active",
        "Labels": {"disk": "fast", "own": "kept", "place": "south"},
    }
    demoted = provisioned(lan, hosts)
    assert [(step.host, step.message) for step in demoted.changed] == [("three", "demoted to worker")]


def test_a_host_of_another_swarm_is_left_alone(
    lan: Lan, machines: dict[str, Machine], hosts: dict[str, p.Host]
) -> None:
    provisioned(lan, hosts)
    stranger = lan.boot("stranger")
    provisioned(lan, {"stranger": stranger.described()})
    failed = refused(lan, hosts | {"stranger": stranger.described("worker", place="nowhere")})
    assert failed.reason == "missing"
    assert "stranger: belongs to a swarm that the managers here do not lead" in failed.message
    assert "docker swarm leave" in failed.message
    assert len(nodes(machines["one"])) == 3
    assert len(nodes(stranger)) == 1


def test_nothing_is_changed_unless_all_can_be_reached(lan: Lan) -> None:
    fresh, away = lan.boot("fresh"), lan.boot("away")
    lan.pull_plug(away)
    failed = refused(lan, {"fresh": fresh.described(), "away": away.described()})
    assert failed.reason == "unreachable"
    assert away.described().address in failed.message
    assert fresh.run("sh", "-c", "ls /etc/docker; pgrep dockerd || echo none") == "daemon.json\nnone"


def test_a_host_whose_key_is_not_the_known_one_is_refused(lan: Lan, machines: dict[str, Machine]) -> None:
    one, two = machines["one"].described(), machines["two"].described()
    other = asyncssh.generate_private_key("ssh-ed25519").export_public_key().decode()
    name = one.known_hosts.split()[0]
    for known_hosts in (f"{name} {other}", two.known_hosts, "# none"):
        host = one.model_copy(update={"known_hosts": known_hosts})
        failed = refused(lan, {"one": host})
        assert failed.reason == "unreachable"
        assert "the host's key is not the one in known_hosts" in failed.message
        deploying = lan.ask(p.State(stack=a_stack(host=host), access=lan.access))
        assert isinstance(deploying, p.Failed), deploying
        assert "the host's key is not the one in known_hosts" in deploying.message


def test_docker_is_installed_where_it_is_missing(lan: Lan, tmp_path: Path) -> None:
    bare = lan.boot("bare")
    offer_docker(bare, tmp_path)
    bare.run("dpkg", "--remove", "--force-depends", "docker.io")
    assert bare.run("sh", "-c", "ls /usr/sbin/dockerd /usr/bin/docker 2>/dev/null || echo none") == "none"
    done = provisioned(lan, {"bare": bare.described()})
    assert done.steps[0].message.startswith("installed Docker ")
    assert bare.run("docker", "info", "--format", "{{.Swarm.LocalNodeState}}") == "active"
    assert provisioned(lan, {"bare": bare.described()}).changed == ()


def test_a_host_that_offers_no_docker_says_why(lan: Lan, tmp_path: Path) -> None:
    bare = lan.boot("empty")
    offer_docker(bare, tmp_path)
    bare.run("dpkg", "--remove", "--force-depends", "docker.io")
    bare.run("truncate", "--size=0", f"{PACKAGES}/Packages")
    failed = refused(lan, {"empty": bare.described()})
    assert failed.reason == "refused"
    assert failed.message.startswith("provision: empty: a command failed there (exit code 100): ")
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
