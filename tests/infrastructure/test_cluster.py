"""A service on three managers, with its images in a registry that asks for a password and has a private CA."""

from collections import Counter
from contextlib import AbstractContextManager
from dataclasses import replace
from functools import partial

import pytest

from ci.agent.protocol.requests import ReadStatus
from ci.agent.protocol.responses import Done, Failed, Status
from ci.outcome import Outcome
from tests.infrastructure.cluster import Cluster, push_request
from tests.infrastructure.lan import REPOSITORY, Machine, until
from tests.users import users

pytestmark = pytest.mark.full


@pytest.fixture(scope="module")
def serving(cluster: Cluster) -> Cluster:
    """The cluster with the build `one` in service."""
    deployed = cluster.deploy(cluster.push("one"), "1")
    assert deployed.outcome == Outcome.SUCCEEDED, deployed
    return cluster


def using(cluster: Cluster, machines: list[Machine]) -> AbstractContextManager[Counter[str]]:
    """Ask at some of the edges, one thing after another; what came is counted."""
    return users(*(partial(cluster.answer, machine) for machine in machines), pause=0.1)


def placed(cluster: Cluster, release: str) -> set[str]:
    """Return the machines that a release's replicas run on."""
    shown = ("docker", "service", "ps", "--filter", "desired-state=running", "--format", "{{.Node}}")
    nodes = cluster.machines[0].run(*shown, f"{cluster.stack.namespace}_{release}").split()
    return {node.partition("-")[2] for node in nodes}


def test_replicas_are_spread_and_every_edge_answers(serving: Cluster) -> None:
    state = serving.state()
    assert state.is_healthy, state
    current = state.find(state.current.release)
    assert current
    assert (current.replicas, current.healthy, state.services) == (3, 3, {"edge": 3})
    assert placed(serving, current.release) == {"one", "two", "three"}
    assert serving.answers() == {"one": "one", "two": "one", "three": "one"}


def test_target_is_reached_through_any_manager(serving: Cluster) -> None:
    other = serving.over(serving.machines[1])
    assert other.state().current == serving.state().current
    assert other.check("") == {}


def test_rollback_script_switches_every_edge(serving: Cluster) -> None:
    first, before = serving.machines[0], serving.state().current.version
    assert serving.deploy(serving.push("late"), "2").outcome == Outcome.SUCCEEDED
    assert serving.answers() == {"one": "late", "two": "late", "three": "late"}
    first.run("bash", str(REPOSITORY / "scripts/rollback.sh"), serving.stack.name, before)
    assert serving.answers() == {"one": "one", "two": "one", "three": "one"}
    assert "scripts/rollback.sh" in serving.state().by_hand


def test_deploy_works_while_a_node_is_cut_off(serving: Cluster) -> None:
    two, three = serving.push("two"), serving.push("three")
    first, second, third = serving.machines
    with using(serving, [first, second]) as seen:
        serving.lan.pull_plug(third)
        deployed = serving.deploy(two, "3")
        assert deployed.outcome == Outcome.SUCCEEDED, deployed
    assert seen["one"] > 10
    assert seen["two"] > 10
    # What was on its way to the lost node when it went is lost with it; nothing else is.
    assert sum(count for said, count in seen.items() if said not in {"one", "two"}) <= 4, seen
    assert placed(serving, deployed.release) == {"one", "two"}
    assert serving.deploy(three, "4").outcome == Outcome.SUCCEEDED
    assert serving.answer(second) == "three"
    serving.lan.put_plug(third)
    # It does not go on with what it served when it left.
    until(lambda: serving.answers() == {"one": "three", "two": "three", "three": "three"}, 180)
    assert serving.state().services == {"edge": 3}


def test_deploy_works_while_the_target_itself_is_cut_off(serving: Cluster) -> None:
    first, second, _ = serving.machines
    image, known = serving.push("apart"), serving.knowing_its_hosts()
    with using(serving, [second]) as seen:
        serving.lan.pull_plug(first)
        # Whoever leads has gone for some seconds, too.
        until(lambda: known.send(Status, ReadStatus(environment="dev")).ok)
        deployed = known.deploy(image, "4b")
        assert deployed.outcome == Outcome.SUCCEEDED, deployed
    assert seen["apart"] > 10
    assert sum(count for said, count in seen.items() if said not in {"three", "apart"}) <= 4, seen
    serving.lan.put_plug(first)
    until(lambda: serving.answers() == {"one": "apart", "two": "apart", "three": "apart"}, 180)
    until(lambda: serving.state().services == {"edge": 3})


def test_deploy_works_while_a_daemon_is_dead(serving: Cluster) -> None:
    first, second, third = serving.machines
    with using(serving, [first, second]) as seen:
        third.run("sh", "-c", "kill -9 $(cat /var/run/docker.pid)")
        deployed = serving.deploy(serving.push("four"), "5")
        assert deployed.outcome == Outcome.SUCCEEDED, deployed
    assert set(seen) >= {"four"}, seen
    # Preparing it again is what a person would do.
    provisioned = serving.provision()
    assert isinstance(provisioned, Done), provisioned
    ready, _, changes = provisioned.message.partition("; ")
    assert ready == "one, two, three: ready"
    assert changes.startswith("three: ")
    assert " Docker " in changes
    assert len(changes.splitlines()) == 1
    until(lambda: serving.answers() == {"one": "four", "two": "four", "three": "four"}, 180)


def test_wrong_password_is_refused(cluster: Cluster) -> None:
    wrong = cluster.lan.folder / "wrong"
    wrong.write_text("guessed")
    image = cluster.push("five")
    for other in (replace(cluster, password=wrong), replace(cluster, user="")):
        found = other.check(image)
        assert list(found) == ["image"]
        assert "cannot be pulled" in found["image"]
        pushed = other.ask(Failed, push_request("five"))
        assert pushed.reason == "refused"
        assert "the registry does not take" in pushed.message
    nameless = replace(cluster, password=cluster.lan.folder / "nowhere")
    assert "slipway has no password for this registry" in nameless.check(image)["error"]
    assert cluster.check(image) == {}


def test_registry_whose_ca_is_unknown_is_refused(cluster: Cluster) -> None:
    image, first = cluster.push("six"), cluster.machines[0]
    first.run("mv", "/etc/docker/certs.d", "/etc/docker/none")
    assert "certificate" in str(cluster.check(image))
    assert cluster.provision().ok
    assert cluster.check(image) == {}
