"""The example service is delivered to dev, with its database."""

import shutil
import uuid
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from ci.settings import FILE
from tests.machine import a_free_port

from .conftest import REPOSITORY, Environ, Project, remove


@pytest.fixture
def orders(tmp_path: Path, module: Path, environ: Environ) -> Iterator[Project]:
    """The repository's own settings and example, under another name and port than a developer's."""
    ignored = shutil.ignore_patterns(".*", "__pycache__")
    shutil.copytree(REPOSITORY / "examples", tmp_path / "orders" / "examples", ignore=ignored)
    shutil.copy(REPOSITORY / FILE, tmp_path / "orders")
    project, name = Project(tmp_path / "orders", module, environ), f"e2e-{uuid.uuid4().hex[:8]}"
    project.change(FILE, 'name = "orders"', f'name = "{name}"')
    project.change(FILE, "localhost:5000/orders", f"localhost:5000/{name}")
    project.change(FILE, "edge.port = 8080", f"edge.port = {a_free_port()}")
    yield project
    remove(project)


@pytest.mark.full
def test_example_is_delivered(orders: Project) -> None:
    deployed = orders.deploy()
    assert deployed["outcome"] == "succeeded"
    with httpx.Client(base_url=deployed["address"], timeout=10) as client:
        assert client.get("/healthz").status_code == 200
        version = client.get("/version").json()
        assert version["version"] == deployed["version"]
        assert client.get("/customers").status_code == 200
    assert orders.deploy()["outcome"] == "unchanged"
    bill = orders.ci("sbom", "contents")
    assert bill.status == 0, bill.err
    assert "pkg:pypi/fastapi@" in bill.out
