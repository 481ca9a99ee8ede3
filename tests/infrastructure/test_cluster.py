"""A service on three managers, with its images in a registry that asks for a password and has a private CA."""

from collections import Counter
from contextlib import AbstractContextManager
from functools import partial

import pytest

from ci.targets import protocol as p
from tests.infrastructure.cluster import Cluster
from tests.infrastructure.lan import REPOSITORY, Machine, until
from tests.users import users

pytestmark = pytest.mark.full


@pytest.fixture(scope="module")
def standing(cluster: Cluster) -> Cluster:
    """The cluster with the build `one` in service."""
    deployed = cluster.deploy(cluster.push("one"), "1")
    assert deployed.status == "deployed", deployed
    return cluster


def using(cluster: Cluster, machines: list[Machine]) -> AbstractContextManager[Counter[str]]:
    """Ask at some of the edges, one thing after another; what came is counted."""
    return users(*(partial(cluster.answer, machine) for machine in machines), pause=0.1)


def placed(cluster: Cluster, release: str) -> set[str]:
    """Return the machines that a release's replicas run on."""
    shown = ("docker", "service", "ps", "--filter", "desired-state=running", "--format", "{{.Node}}")
    nodes = cluster.machines[0].run(*shown, f"{cluster.stack.namespace}_{release}").split()
    return {node.partition("-")[2] for node in nodes}


def described(cluster: Cluster) -> p.Described:
    outcome = cluster.lan.ask(p.State.model_validate(cluster.base))
    assert isinstance(outcome, p.Described), outcome
    return outcome


def with_login(cluster: Cluster, login: p.RegistryLogin) -> dict[str, object]:
    return {**cluster.base, "login": login}


def test_replicas_are_spread_and_every_edge_answers(standing: Cluster) -> None:
    state = described(standing)
    assert state.ok, state
    assert (state.replicas, state.healthy, state.services) == (3, 3, {"edge": 3})
    assert placed(standing, state.serving) == {"one", "two", "three"}
    assert standing.answers() == {"one": "one", "two": "one", "three": "one"}


def test_the_target_is_reached_through_any_manager(standing: Cluster) -> None:
    other = standing.over(standing.machines[1])
    assert described(other).serving == described(standing).serving
    checked = other.lan.ask(p.Preflight.model_validate(other.base))
    assert checked.ok, checked


def test_the_script_for_who_is_on_call_turns_every_edge(standing: Cluster) -> None:
    first, before = standing.machines[0], described(standing).now.version
    assert standing.deploy(standing.push("late"), "2").status == "deployed"
    assert standing.answers() == {"one": "late", "two": "late", "three": "late"}
    first.run("bash", str(REPOSITORY / "scripts/rollback.sh"), standing.stack.name, before)
    assert standing.answers() == {"one": "one", "two": "one", "three": "one"}
    assert "scripts/rollback.sh" in described(standing).by_hand


def test_a_node_that_is_cut_off(standing: Cluster) -> None:
    two, three = standing.push("two"), standing.push("three")
    first, second, third = standing.machines
    with using(standing, [first, second]) as seen:
        standing.lan.pull_plug(third)
        deployed = standing.deploy(two, "3")
        assert deployed.status == "deployed", deployed
    assert seen["one"] > 10
    assert seen["two"] > 10
    # What was on its way to the lost node when it went is lost with it; nothing else is.
    assert sum(count for said, count in seen.items() if said not in {"one", "two"}) <= 4, seen
    assert placed(standing, deployed.release) == {"one", "two"}
    assert standing.deploy(three, "4").status == "deployed"
    assert standing.answer(second) == "three"
    standing.lan.put_plug(third)
    # It does not go on with what it served when it left.
    until(lambda: standing.answers() == {"one": "three", "two": "three", "three": "three"}, 180)
    assert described(standing).services == {"edge": 3}


def test_the_target_itself_is_cut_off(standing: Cluster) -> None:
    first, second, _ = standing.machines
    image, known = standing.push("apart"), standing.knowing_its_hosts()
    with using(standing, [second]) as seen:
        standing.lan.pull_plug(first)
        # Whoever leads has gone for some seconds, too.
        until(lambda: known.lan.ask(p.State.model_validate(known.base)).ok)
        deployed = known.deploy(image, "4b")
        assert deployed.status == "deployed", deployed
    assert seen["apart"] > 10
    assert sum(count for said, count in seen.items() if said not in {"three", "apart"}) <= 4, seen
    standing.lan.put_plug(first)
    until(lambda: standing.answers() == {"one": "apart", "two": "apart", "three": "apart"}, 180)
    until(lambda: described(standing).services == {"edge": 3})


def test_a_node_whose_daemon_dies(standing: Cluster) -> None:
    first, second, third = standing.machines
    with using(standing, [first, second]) as seen:
        third.run("sh", "-c", "kill -9 $(cat /var/run/docker.pid)")
        deployed = standing.deploy(standing.push("four"), "5")
        assert deployed.status == "deployed", deployed
    assert set(seen) >= {"four"}, seen
    # Preparing it again is what a person would do.
    provisioned = standing.provision()
    assert isinstance(provisioned, p.Provisioned), provisioned
    assert [(step.host, step.what) for step in provisioned.changed] == [("three", "docker")]
    until(lambda: standing.answers() == {"one": "four", "two": "four", "three": "four"}, 180)


def test_a_wrong_password_is_refused(cluster: Cluster) -> None:
    (cluster.lan.folder / "wrong").write_text("guessed")
    wrong = p.RegistryLogin(user=cluster.registry.login.user, password_file=str(cluster.lan.folder / "wrong"))
    image = cluster.push("five")
    for login in (wrong, p.RegistryLogin()):
        checked = cluster.lan.ask(p.Preflight.model_validate({**with_login(cluster, login), "image": image}))
        assert isinstance(checked, p.Checked), checked
        (check,) = [check for check in checked.checks if not check.ok]
        assert check.name == "image"
        assert "cannot be pulled" in check.detail
        pushing = {"tarball": str(cluster.lan.folder / "five.tar"), "repository": cluster.stack.registry.repository}
        pushed = cluster.lan.ask(p.Push.model_validate({**with_login(cluster, login), **pushing, "tag": "again"}))
        assert isinstance(pushed, p.Failed), pushed
        assert pushed.reason == "refused"
        assert "the registry does not take" in pushed.message
    nameless = with_login(cluster, p.RegistryLogin(user=cluster.registry.login.user))
    lacking = cluster.lan.ask(p.Preflight.model_validate({**nameless, "image": image}))
    assert isinstance(lacking, p.Failed), lacking
    assert "slipway has no password for this registry" in lacking.message
    assert cluster.lan.ask(p.Preflight.model_validate({**cluster.base, "image": image})).ok


def test_a_registry_whose_ca_is_unknown_is_refused(cluster: Cluster) -> None:
    image, first = cluster.push("six"), cluster.machines[0]
    first.run("mv", "/etc/docker/certs.d", "/etc/docker/none")
    checked = cluster.lan.ask(p.Preflight.model_validate({**cluster.base, "image": image}))
    assert "certificate" in checked.message, checked
    assert cluster.provision().ok
    assert cluster.lan.ask(p.Preflight.model_validate({**cluster.base, "image": image})).ok
