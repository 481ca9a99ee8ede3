"""What is wanted, as the Docker API takes it: plain values, nothing executed.

https://docs.docker.com/reference/api/engine/version/v1.47/#tag/Service/operation/ServiceCreate
"""

from ci.targets.swarm.specs.database import database, database_url
from ci.targets.swarm.specs.edge import (
    EDGE_START,
    HELPER,
    HELPER_OF_LOCK,
    edge_service,
    edge_start,
    edge_sysctls,
    helper,
    with_private_admin,
)
from ci.targets.swarm.specs.parts import NO_PRIVILEGES, Reference, Spec, digest_of, network, with_labels, with_replicas
from ci.targets.swarm.specs.release import release

__all__ = [
    "EDGE_START",
    "HELPER",
    "HELPER_OF_LOCK",
    "NO_PRIVILEGES",
    "Reference",
    "Spec",
    "database",
    "database_url",
    "digest_of",
    "edge_service",
    "edge_start",
    "edge_sysctls",
    "helper",
    "network",
    "release",
    "with_labels",
    "with_private_admin",
    "with_replicas",
]
