"""A host whose disk fills up: what serves goes on, a deploy is refused, and works once there is room again."""

import pytest

from ci.targets import protocol as p
from tests.infrastructure.cluster import Cluster, a_stack, bring_images
from tests.infrastructure.lan import Lan
from tests.infrastructure.registry import Registry

pytestmark = pytest.mark.full

DISK = "1700m"
FILLER = "/var/lib/docker/filler"


@pytest.fixture
def small(lan: Lan, registry: Registry) -> Cluster:
    """One manager with a small disk, and a build in service there."""
    registry.join(lan)
    machine = lan.boot("small", DISK)
    made = Cluster(lan, registry, [machine], a_stack(lan.id, machine.described(), replicas=1))
    assert made.provision().ok
    bring_images(machine, "caddy:2")
    assert made.deploy(made.push("one"), "1").status == "deployed"
    return made


def refused(cluster: Cluster, image: str) -> p.Deployed:
    outcome = cluster.deploy(image, "2")
    assert not outcome.ok, outcome
    assert outcome.status == "refused", outcome
    assert cluster.answers() == {"small": "one"}
    return outcome


def test_a_disk_that_fills_up(small: Cluster) -> None:
    image, machine = small.push("two"), small.machines[0]
    machine.run("fallocate", "--length", "900M", FILLER)
    assert "make room there" in refused(small, image).message
    # Not a byte is left.
    machine.run("sh", "-c", f"cat /dev/zero >>{FILLER} 2>/dev/null || true")
    assert "disk" in refused(small, image).message
    machine.run("rm", FILLER)
    assert small.deploy(image, "2").status == "deployed"
    assert small.answers() == {"small": "two"}
