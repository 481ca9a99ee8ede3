"""What is wanted, as the Docker API takes it: plain values, nothing executed.

https://docs.docker.com/reference/api/engine/version/v1.47/#tag/Service/operation/ServiceCreate
"""

from ci.targets.swarm.specs.database import database, database_url
from ci.targets.swarm.specs.edge import EDGE_START, edge_service, edge_start, edge_sysctls, outpost, with_private_admin
from ci.targets.swarm.specs.parts import STRIPPED, Reference, Spec, network, wanted, with_labels, with_replicas
from ci.targets.swarm.specs.release import release

__all__ = [
    "EDGE_START",
    "STRIPPED",
    "Reference",
    "Spec",
    "database",
    "database_url",
    "edge_service",
    "edge_start",
    "edge_sysctls",
    "network",
    "outpost",
    "release",
    "wanted",
    "with_labels",
    "with_private_admin",
    "with_replicas",
]
