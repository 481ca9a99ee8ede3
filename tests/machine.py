"""What tests of several folders ask of this machine."""

import ipaddress
import json
import socket
import subprocess


def docker(*arguments: str) -> str:
    """Run a docker command and return what it prints."""
    return subprocess.run(["docker", *arguments], capture_output=True, text=True, check=True).stdout.strip()


def a_free_port() -> int:
    """Return the number of a port on which nothing listens now."""
    with socket.socket() as free:
        free.bind(("", 0))
        return int(free.getsockname()[1])


def ensure_swarm() -> None:
    """Turn Swarm mode on, as the set-up would."""
    if docker("info", "--format", "{{.Swarm.LocalNodeState}}") != "active":
        docker("swarm", "init", "--advertise-addr", "127.0.0.1")


def gateway() -> str:
    """Return the address by which containers reach this machine; where Docker names none, it is the network's first."""
    config = json.loads(docker("network", "inspect", "bridge", "--format", "{{json (index .IPAM.Config 0)}}"))
    return str(config.get("Gateway") or next(ipaddress.ip_network(config["Subnet"]).hosts()))
