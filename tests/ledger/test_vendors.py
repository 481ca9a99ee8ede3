"""The ledger and third-party images in registries of several vendors."""

import uuid
from collections.abc import AsyncIterator, Iterator

import pytest

from ci.ledger.store.connection import RegistryAccess
from ci.settings import Settings
from ci.targets.daemon import Daemon
from ci.targets.stack import RegistryLogin, Stack
from ci.targets.swarm.images import pin_image
from tests.ledger.vendors import VENDORS, Vendor, serve
from tests.ledger.workspace import OTHER_DIGEST, SETTINGS, Workspace
from tests.machine import docker

CREATED, TOO_MANY = 201, 429
SOCKET = "/var/run/docker.sock"


@pytest.fixture(params=VENDORS)
def vendor(request: pytest.FixtureRequest) -> Iterator[Vendor]:
    with serve(request.param) as served:
        yield served


@pytest.fixture
def team(workspace: Workspace, vendor: Vendor) -> Workspace:
    """Return a team whose repository is in the vendor's registry."""
    host, name = vendor.address.removeprefix("http://"), uuid.uuid4().hex
    workspace.settings = Settings.parse(SETTINGS.format(name="orders", repository=name).replace("localhost:5000", host))
    return workspace


@pytest.fixture
async def daemon() -> AsyncIterator[Daemon]:
    async with Daemon.connect(SOCKET, SOCKET) as connected:
        yield connected


def test_records_are_written_and_read_by_everybody(team: Workspace) -> None:
    team.run(lambda ledger: ledger.probe(), "author")
    team.build()
    team.build("1.1", OTHER_DIGEST)
    team.deliver("dev", who="author")
    team.approve("lead", "acceptance")
    # Somebody else, who has read nothing before.
    team.access = RegistryAccess()
    found = team.run(lambda ledger: ledger.read(), "stakeholder")
    assert found.problems == ()
    assert [entry.record.kind for entry in found.entries] == [
        "build",
        "build",
        "delivery-start",
        "delivery-end",
        "approval",
    ]


def test_the_form_that_a_registry_takes_is_remembered(team: Workspace, vendor: Vendor) -> None:
    team.run(lambda ledger: ledger.probe(), "author")
    vendor.statuses.clear()
    team.build()
    stored = [status for line, status in vendor.statuses if line.startswith("PUT") and "/manifests/" in line]
    assert [status for status in stored if status != TOO_MANY] == [CREATED]


async def test_another_target_s_copy_of_an_image_is_not_pushed_again(
    team: Workspace, vendor: Vendor, daemon: Daemon
) -> None:
    stack, login = Stack.of(team.settings, "dev"), RegistryLogin(user="", password_file="")
    image = f"slipway-test-{uuid.uuid4().hex[:12]}:2"
    try:
        docker("tag", "busybox:1", image)
        first = await pin_image(daemon, stack, image, login)
        # What another target has under this name, as after an update of the tag.
        docker("tag", "caddy:2", image)
        vendor.requests.clear()
        assert await pin_image(daemon, stack, image, login) == first
        assert not [line for line in vendor.requests if line.startswith("PUT")]
    finally:
        docker("image", "rm", "--force", image)
