"""Every fault at every step of a deploy: the service answers, the ledger tells the truth, the next deploy works.

A fault comes at the very request by which a step begins, which the relay in front of the target holds meanwhile.
"""

import subprocess
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.infrastructure.lan import Lan, sshd
from tests.machine import a_free_port, docker
from tests.registries import a_stoppable_registry
from tests.relays import Relay

from .conftest import Environ, Outcome, remove
from .faults import ASKED, LEDGER, Deploying, Place, Target, a_project, bring_up, fill
from .invariant import survives
from .small import a_small_target

pytestmark = pytest.mark.full
STEPS = tuple(ASKED)
# Without those that only divide a step for who may die or be cut off in its middle.
WHOLE = tuple(step for step in STEPS if step not in {"record", "clear"})
Fault = Callable[[], object]


@pytest.fixture(scope="module")
def disk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A small disk, for a registry."""
    folder = tmp_path_factory.mktemp("disk")
    subprocess.run(["/bin/mount", "-t", "tmpfs", "-o", "size=1g", "tmpfs", str(folder)], check=True)
    yield folder
    subprocess.run(["/bin/umount", str(folder)], check=True)


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory, module: Path, environ: Environ, disk: Path) -> Iterator[Place]:
    """Two versions on this machine's Docker, with a registry of their own."""
    folder, target = tmp_path_factory.mktemp("faults"), Target()
    relay = Relay(folder / "docker.sock", target.socket)
    with a_stoppable_registry(a_free_port(), disk) as registry, relay.running():
        project = a_project(folder, module, environ, registry.port, relay.path)
        try:
            bring_up(made := Place(project, relay, registry, target))
            yield made
        finally:
            remove(project)


@pytest.fixture(scope="module")
def small(
    tmp_path_factory: pytest.TempPathFactory, pytestconfig: pytest.Config, module: Path, environ: Environ
) -> Iterator[Place]:
    """The same on a host with a small disk."""
    folder, lan = (
        tmp_path_factory.mktemp("small"),
        Lan(tmp_path_factory.mktemp("lan"), sshd(pytestconfig, tmp_path_factory)),
    )
    with ExitStack() as stack:
        stack.callback(lan.end)
        registry = stack.enter_context(a_stoppable_registry(a_free_port()))
        project = a_project(folder, module, environ, registry.port, folder / "docker.sock")
        target = stack.enter_context(a_small_target(lan, folder, project, registry.port))
        relay = stack.enter_context(Relay(folder / "docker.sock", target.socket).running())
        bring_up(made := Place(project, relay, registry, target))
        yield made


def meets(place: Place, step: str, fault: Fault, *, answered: bool = False) -> Callable[[str], Outcome]:
    """Begin a deploy, let a fault come when a step of it begins, and wait for the end of what goes on."""

    def deploy(version: str) -> Outcome:
        trap = place.relay.trap(*ASKED[step], answered=answered)
        deploying = Deploying(place, version)
        if not trap.sprung.wait(60):
            raise AssertionError(deploying.end())
        fault()
        place.relay.let_go()
        return deploying.end()

    return deploy


@pytest.mark.parametrize("step", STEPS)
def test_deploy_killed_at_a_stage_is_recovered(step: str, place: Place) -> None:
    def killed(version: str) -> None:
        trap = place.relay.trap(*ASKED[step])
        deploying = Deploying(place, version)
        assert trap.sprung.wait(60), deploying.end()
        deploying.kill()

    survives(place, killed)


@pytest.mark.parametrize("when", list(LEDGER))
def test_deploy_killed_while_the_ledger_is_read_is_recovered(when: str, place: Place) -> None:
    def killed(version: str) -> None:
        deploying = Deploying(place, version)
        deploying.until(LEDGER[when])
        deploying.kill()

    survives(place, killed)


@pytest.mark.parametrize("step", WHOLE)
def test_deploy_survives_a_lost_registry(step: str, place: Place) -> None:
    ended = survives(place, meets(place, step, place.registry.kill), place.registry.start)
    # The end is recorded under the lock: who releases the lock needs the registry no more.
    assert ended.status == (step != "unlock")
    if step not in {"lock", "unlock"}:
        assert "The ledger does not hold this yet; the next command on acceptance records it" in ended.err


def test_deploy_survives_a_lost_registry_when_a_node_pulls(place: Place) -> None:
    def deploy(version: str) -> Outcome:
        def gone() -> None:
            (build,) = place.history().builds(version)
            docker("image", "rm", "--force", build.record.image)
            place.registry.kill()

        return meets(place, "candidate", gone)(version)

    assert "did not get healthy and was removed" in survives(place, deploy, place.registry.start).err


def test_deploy_survives_a_lost_registry_before_policy(place: Place) -> None:
    def refused(version: str) -> Outcome:
        place.registry.kill()
        return Deploying(place, version).end()

    said = survives(place, refused, place.registry.start)
    assert "registry" in said.err.splitlines()[-1]


# Nothing asks the target before the lock, or after it is open.
@pytest.mark.parametrize("answered", [False, True], ids=["request", "answer"])
@pytest.mark.parametrize("step", STEPS)
def test_deploy_survives_a_lost_target(*, step: str, answered: bool, place: Place) -> None:
    ended = survives(place, meets(place, step, place.relay.cut, answered=answered), place.relay.mend)
    # A lock that cannot be opened harms nobody: it falls silent.
    assert ended.status == (step != "unlock")


# The target's disk holds nothing of what the ledger is asked first and last.
@pytest.mark.parametrize("step", WHOLE)
def test_deploy_survives_a_full_disk(step: str, small: Place) -> None:
    ended = survives(small, meets(small, step, small.target.fill), small.target.free)
    # What comes after that needs no room.
    assert ended.status == (step in {"lock", "preflight", "candidate", "test"})


@pytest.mark.parametrize("step", ["policy", "clear"])
def test_deploy_survives_a_full_disk_of_the_registry(step: str, place: Place, disk: Path) -> None:
    def deploy(version: str) -> Outcome:
        if step != "policy":
            return meets(place, step, lambda: fill(disk))(version)
        fill(disk)
        return Deploying(place, version).end()

    assert survives(place, deploy, (disk / "filler").unlink).status == 1
