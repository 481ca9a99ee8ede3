"""`[environments.X.hosts.NAME]`: the machines that the pipeline prepares."""

import re
from collections.abc import Mapping
from ipaddress import ip_address
from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field

from ci.frozen import FrozenModel
from ci.settings.values import PORTS

SSH = re.compile(
    r"ssh://[A-Za-z0-9_][A-Za-z0-9._-]*@[A-Za-z0-9][A-Za-z0-9.-]*(?::(?P<port>[0-9]{1,5}))?(/[A-Za-z0-9_./-]+)?"
)
SSH_PORT = 22


def is_ssh(address: str) -> bool:
    """Return whether an address is `ssh://user@host`, with a port and a socket's path where they differ."""
    match = SSH.fullmatch(address)
    return match is not None and int(match["port"] or SSH_PORT) in PORTS


def _checked_address(address: str) -> str:
    if not is_ssh(address) or urlsplit(address).path:
        raise ValueError("must be ssh://user@host, with :port where it is not 22")
    return address


def _checked_internal(address: str) -> str:
    if address and not _is_ip(address):
        raise ValueError("must be an IP address")
    return address


def _is_ip(address: str) -> bool:
    try:
        ip_address(address)
    except ValueError:
        return False
    return True


class Host(FrozenModel):
    """`[environments.X.hosts.NAME]`: one machine of the environment's swarm."""

    address: Annotated[str, AfterValidator(_checked_address)]
    """`ssh://root@HOST`, with `:port` where it is not 22."""
    known_hosts: str
    """Lines of a known_hosts file; a host with another key is refused."""
    role: Literal["manager", "worker"] = "manager"
    """`manager` or `worker`."""
    labels: Mapping[str, str] = Field(default_factory=dict)
    """Labels that are set on the node; its other labels stay."""
    internal: Annotated[str, AfterValidator(_checked_internal)] = ""
    """The IP address between hosts, where it is not the one in `address`."""

    @property
    def advertised(self) -> str:
        """The IP address that Docker advertises to other hosts; empty: Docker finds the host's only one."""
        host = urlsplit(self.address).hostname or ""
        return self.internal or (host if _is_ip(host) else "")
