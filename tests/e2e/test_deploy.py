"""The way to dev, from the sources to an address that answers."""

from pathlib import Path

import httpx

from tests.machine import docker

from .conftest import Project, Standing, Traffic


def test_the_service_answers_in_the_version_that_was_deployed(standing: Standing) -> None:
    first = standing.first
    assert (first["environment"], first["outcome"]) == ("dev", "deployed")
    assert first["address"] == standing.project.address
    said = httpx.get(first["address"], timeout=10)
    assert (said.status_code, said.text) == (200, "hello")
    assert said.headers["x-version"] == first["version"]
    assert first["image"].startswith(f"{standing.project.stack.registry.repository}@sha256:")
    names = [stage.partition(":")[0] for stage in first["stages"]]
    assert names == ["lock", "preflight", "candidate", "prove", "switch", "watch", "retire"]


def test_no_process_of_the_service_gains_privileges(standing: Standing) -> None:
    service = f"{standing.project.stack.namespace}_{standing.first['release']}"
    replicas = docker("ps", "--quiet", "--filter", f"label=com.docker.swarm.service.name={service}").split()
    assert replicas
    for replica in replicas:
        # On every version of Docker: what its init starts has given them up, and its children cannot get them back.
        _, *processes = docker("top", replica, "-o", "pid").split()[1:]
        assert processes
        for process in processes:
            assert "NoNewPrivs:\t1" in Path(f"/proc/{process}/status").read_text().splitlines()


def test_the_same_sources_change_nothing(standing: Standing) -> None:
    again = standing.project.deploy()
    for part in ("version", "image", "release"):
        assert again[part] == standing.first[part]
    assert again["outcome"] == "unchanged"


def test_the_environment_tells_what_it_runs(standing: Standing) -> None:
    status = standing.project.ci("status", "--env=dev", "--json").json
    assert (status["healthy"], status["address"], status["lock"]) == (True, standing.project.address, "")
    assert status["serving"] in status["releases"][0]
    assert httpx.get(status["address"], timeout=10).headers["x-version"] in " ".join(status["releases"])


def test_what_serves_can_be_verified_and_tested_again(standing: Standing) -> None:
    verified = standing.project.ci("verify", "--env=dev", "--json").json
    assert verified["outcome"] == "pass"
    assert verified["requests"] >= 10
    tested = standing.project.ci("integration-test", "--env=dev")
    assert tested.status == 0, tested.err
    assert "1 passed" in tested.out


def test_a_redeploy_loses_no_request(standing: Standing, project: Project, traffic: Traffic) -> None:
    before = httpx.get(standing.project.address, timeout=10).headers["x-version"]
    project.add("service/src/greeter/__init__.py", "\nCHANGED = True\n")
    with traffic() as seen:
        deployed = project.deploy()
    assert deployed["outcome"] == "deployed"
    assert deployed["version"] != before
    assert set(seen) == {f"200 {before}", f"200 {deployed['version']}"}, seen
    assert sum(seen.values()) > 100
