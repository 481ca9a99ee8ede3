"""Tags of versions: no push moves one."""

from collections.abc import Iterator

import httpx
import pytest

from ci.ledger.store.registry import Registry
from ci.ledger.tags import RECORDS
from ci.settings import FILE
from tests.machine import docker

from .conftest import Outcome, Project, remove

URL = "http://localhost:5000"


@pytest.fixture
def apart(project: Project) -> Iterator[Project]:
    """A project with a repository of its own."""
    name = project.stack.app.name
    project.change(FILE, f"localhost:5000/{name}", f"localhost:5000/{name}-tags")
    yield project
    remove(project)


def package(project: Project, version: str) -> Outcome:
    return project.ci("package", "--checkout=.", f"--version={version}", "--json")


async def test_taken_tag_of_a_version_is_not_moved(apart: Project) -> None:
    repository = apart.stack.registry.repository
    docker("tag", "busybox:1", f"{repository}:taken")
    docker("push", "--quiet", f"{repository}:taken")
    async with Registry.connect(URL, repository.partition("/")[2]) as registry:
        before = await registry.digest("taken")
        outcome = package(apart, "taken")
        assert outcome.status == 1
        assert f"{repository}:taken is {before} already" in outcome.err
        assert "this build is sha256:" in outcome.err
        assert await registry.digest("taken") == before
        assert [tag for tag in await registry.tags() if tag.startswith(RECORDS)] == []


@pytest.mark.full
async def test_version_whose_run_was_killed_before_its_record_is_packaged_again(apart: Project) -> None:
    first = package(apart, "killed").json
    repository = apart.stack.registry.repository.partition("/")[2]
    async with Registry.connect(URL, repository) as registry:
        for tag in [tag for tag in await registry.tags() if tag.startswith(RECORDS)]:
            httpx.delete(f"{URL}/v2/{repository}/manifests/{await registry.digest(tag)}").raise_for_status()
        again = package(apart, "killed").json
        assert (again["image"], again["existing"]) == (first["image"], False)
        assert await registry.digest("killed") == first["image"].partition("@")[2]
