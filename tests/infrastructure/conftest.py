"""Hosts on a network of their own, and a registry there that asks for a password and has a private CA's certificate."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.infrastructure.cluster import Cluster, bring_images, make
from tests.infrastructure.lan import Lan, sshd
from tests.infrastructure.registry import Registry


@pytest.fixture(scope="session")
def packages(pytestconfig: pytest.Config, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of the Debian packages that an sshd needs and that this machine lacks."""
    return sshd(pytestconfig, tmp_path_factory)


@pytest.fixture(scope="module")
def lan(tmp_path_factory: pytest.TempPathFactory, packages: Path) -> Iterator[Lan]:
    """A network with nothing in it but the laptop."""
    made = Lan(tmp_path_factory.mktemp("lan"), packages)
    try:
        yield made
    finally:
        made.end()


@pytest.fixture(scope="module")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Registry]:
    """A registry that no network reaches yet."""
    started = Registry.start(tmp_path_factory.mktemp("registry"))
    try:
        yield started
    finally:
        started.end()


@pytest.fixture(scope="module")
def cluster(lan: Lan, registry: Registry) -> Cluster:
    """Three managers, on which nothing is deployed yet."""
    made = make(lan, registry, ("one", "two", "three"))
    provisioned = made.provision()
    assert provisioned.ok, provisioned
    bring_images(made.machines[0], "caddy:2")
    return made
