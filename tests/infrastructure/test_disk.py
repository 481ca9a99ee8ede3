"""A host whose disk fills up: the current release serves on, a deploy is refused, and works once there is room."""

import pytest

from ci.delivery.request import DeliveryReport
from ci.outcome import Outcome
from tests.infrastructure.cluster import Cluster, bring_images, make_settings
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
    made = Cluster(lan, registry, [machine], make_settings(lan.id, machine.described(), replicas=1))
    assert made.provision().ok
    bring_images(machine, "caddy:2")
    assert made.deploy(made.push("one"), "1").outcome == Outcome.SUCCEEDED
    return made


def refused(cluster: Cluster, image: str) -> DeliveryReport:
    report = cluster.deploy(image, "2")
    assert (report.ok, report.outcome) == (False, Outcome.REFUSED), report
    assert cluster.answers() == {"small": "one"}
    return report


def test_full_disk_stops_a_deploy_and_not_the_service(small: Cluster) -> None:
    image, machine = small.push("two"), small.machines[0]
    machine.run("fallocate", "--length", "900M", FILLER)
    assert "make room there" in refused(small, image).message
    # Not a byte is left.
    machine.run("sh", "-c", f"cat /dev/zero >>{FILLER} 2>/dev/null || true")
    assert "disk" in refused(small, image).message
    machine.run("rm", FILLER)
    assert small.deploy(image, "2").outcome == Outcome.SUCCEEDED
    assert small.answers() == {"small": "two"}
