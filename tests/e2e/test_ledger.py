"""The ledger's registry goes away in the middle of a deploy."""

import time
from collections.abc import Iterator

import pytest

from ci.settings import FILE
from tests.machine import a_free_port
from tests.registries import Stoppable, a_stoppable_registry

from .conftest import Project, remove

pytestmark = pytest.mark.full
PATIENCE = 300


@pytest.fixture
def registry() -> Iterator[Stoppable]:
    """A registry of the test's own, which it may stop and start."""
    with a_stoppable_registry(a_free_port()) as registry:
        yield registry


@pytest.fixture
def apart(project: Project, registry: Stoppable) -> Iterator[Project]:
    """A project with a stack and a registry of its own."""
    name, port = project.stack.app.name, registry.port
    file = project.folder / FILE
    text = file.read_text().replace(name, f"{name}-apart").replace("localhost:5000", f"localhost:{port}")
    edge = f"edge.port = {project.stack.environment.edge.port}"
    file.write_text(text.replace(edge, f"edge.port = {a_free_port()}").replace("window = 3", "window = 15"))
    project.constructor = (project.constructor[0], f"--registry=tcp://localhost:{port}")
    yield project
    remove(project)


def test_end_that_could_not_be_recorded_is_reported_and_recorded_by_the_next_command(
    apart: Project, registry: Stoppable
) -> None:
    deploying = apart.start("deploy", "--env=dev")
    end = time.monotonic() + PATIENCE
    while not apart.state().current.version and time.monotonic() < end:
        time.sleep(0.3)
    registry.kill()
    _, err = deploying.communicate(timeout=PATIENCE)
    assert deploying.returncode == 1, err
    assert "The ledger does not hold this yet; the next command on dev records it" in err
    version = apart.state().current.version
    assert version
    registry.start()
    # The ledger does not know that the release was verified: it gets its verify window now.
    again = apart.deploy()
    assert (again["outcome"], again["version"]) == ("succeeded", version)
    assert "verify" in [stage.partition(":")[0] for stage in again["stages"]]
    lines = apart.ci("history", "--env=dev", "--json").json["lines"]
    assert [line["kind"] for line in reversed(lines)] == [
        "delivery-start",
        "recovery",
        "delivery-start",
        "delivery-end",
    ]
    assert {line["version"] for line in lines} == {version}
    assert apart.ci("environments", "--json").json["lines"][0]["outcome"] == "succeeded"
