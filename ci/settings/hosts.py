"""`[environments.X.hosts.NAME]`: the machines that the pipeline prepares."""

import re
from collections.abc import Mapping
from ipaddress import ip_address
from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field

from ci.frozen import FrozenModel

SSH = re.compile(r"^ssh://[A-Za-z0-9._-]+@[A-Za-z0-9.-]+(:\d+)?(/[\w./-]+)?$")


def _checked_address(address: str) -> str:
    if not SSH.match(address) or urlsplit(address).path:
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
    # Lines of a known_hosts file; a host with another key is refused.
    known_hosts: str
    role: Literal["manager", "worker"] = "manager"
    # Labels that are set on the node; its other labels stay.
    labels: Mapping[str, str] = Field(default_factory=dict)
    # The IP address between hosts, where it is not the one in `address`.
    internal: Annotated[str, AfterValidator(_checked_internal)] = ""

    @property
    def advertised(self) -> str:
        """The IP address that Docker advertises to other hosts; empty: Docker finds the host's only one."""
        host = urlsplit(self.address).hostname or ""
        return self.internal or (host if _is_ip(host) else "")
