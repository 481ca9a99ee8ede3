"""The way to dev, from the sources to an address that answers."""

from pathlib import Path

import httpx

from tests.machine import docker

from .conftest import Project, Serving, Traffic


def test_service_answers_in_the_version_that_was_deployed(serving: Serving) -> None:
    first = serving.first
    assert (first["environment"], first["outcome"]) == ("dev", "succeeded")
    assert first["address"] == serving.project.address
    response = httpx.get(first["address"], timeout=10)
    assert (response.status_code, response.text) == (200, "hello")
    assert response.headers["x-version"] == first["version"]
    assert first["digest"].startswith("sha256:")
    # The release runs exactly this image.
    service = f"{serving.project.stack.namespace}_{first['release']}"
    image = docker("service", "inspect", "--format", "{{.Spec.TaskTemplate.ContainerSpec.Image}}", service)
    assert image == f"{serving.project.stack.registry.repository}@{first['digest']}"
    names = [stage.partition(":")[0] for stage in first["stages"]]
    assert names == ["lock", "preflight", "candidate", "test", "policy", "switch", "verify", "retire"]


def test_no_process_of_the_service_gains_privileges(serving: Serving) -> None:
    service = f"{serving.project.stack.namespace}_{serving.first['release']}"
    replicas = docker("ps", "--quiet", "--filter", f"label=com.docker.swarm.service.name={service}").split()
    assert replicas
    for replica in replicas:
        # On every version of Docker: what its init starts has given them up, and its children cannot get them back.
        # A health probe that runs right now is started by Docker, not by init.
        pids = docker("top", replica, "-o", "pid,ppid").split()[2:]
        parents = dict(zip(pids[::2], pids[1::2], strict=True))
        init = next(iter(parents))
        processes = [process for process, parent in parents.items() if parent == init]
        assert processes
        for process in processes:
            assert "NoNewPrivs:\t1" in Path(f"/proc/{process}/status").read_text().splitlines()


def test_deploy_of_the_same_sources_changes_nothing(serving: Serving) -> None:
    again = serving.project.deploy()
    for part in ("version", "digest", "release"):
        assert again[part] == serving.first[part]
    assert again["outcome"] == "unchanged"


def test_status_describes_what_the_environment_runs(serving: Serving) -> None:
    status = serving.project.ci("status", "--env=dev", "--json").json
    assert (status["healthy"], status["address"], status["lock"]) == (True, serving.project.address, "")
    assert status["current"] in status["releases"][0]
    assert status["version"] == serving.project.version()
    assert serving.project.version() in " ".join(status["releases"])


def test_current_release_can_be_verified_and_tested_again(serving: Serving) -> None:
    verified = serving.project.ci("verify", "--env=dev", "--json").json
    assert verified["verdict"] == "pass"
    assert verified["requests"] >= 10
    tested = serving.project.ci("integration-test", "--env=dev")
    assert tested.status == 0, tested.err
    assert "1 passed" in tested.out


def test_sources_without_a_commit_go_to_dev_only(serving: Serving) -> None:
    version = serving.first["version"]
    outcome = serving.project.ci("--build-agent", "deploy", "--env=acceptance", f"--version={version}")
    assert (outcome.status, outcome.out) == (1, "")
    assert f"{version} was built from uncommitted changes and may go to dev only" in outcome.err


def test_redeploy_loses_no_request(serving: Serving, project: Project, traffic: Traffic) -> None:
    before = serving.project.version()
    project.add("service/src/greeter/__init__.py", "\nCHANGED = True\n")
    with traffic() as seen:
        deployed = project.deploy()
    assert deployed["outcome"] == "succeeded"
    assert deployed["version"] != before
    assert set(seen) == {f"200 {before}", f"200 {deployed['version']}"}, seen
    assert sum(seen.values()) > 100
