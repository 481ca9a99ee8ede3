"""A service's life on a real Swarm: deployed, replaced under load, refused, watched and switched back."""

import asyncio
import json
import socket
import subprocess
from collections import Counter
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

import httpx
import pytest

from ci.settings import Settings
from ci.targets import protocol as p
from ci.targets.__main__ import answer
from tests.machine import docker

Image = Callable[[str], str]
Traffic = Callable[[p.Stack], AbstractContextManager[Counter[str]]]


async def start(stack: p.Stack, image: str, version: str = "1") -> p.Started:
    outcome = await answer(p.Candidate(stack=stack, image=image, version=version))
    assert isinstance(outcome, p.Started), outcome
    return outcome


async def switch(stack: p.Stack, release: str) -> p.Switched:
    outcome = await answer(p.Switch(stack=stack, release=release))
    assert isinstance(outcome, p.Switched), outcome
    return outcome


async def described(stack: p.Stack) -> p.Described:
    outcome = await answer(p.State(stack=stack))
    assert isinstance(outcome, p.Described), outcome
    return outcome


async def watched(stack: p.Stack) -> p.Watched:
    outcome = await answer(p.Watch(stack=stack))
    assert isinstance(outcome, p.Watched), outcome
    return outcome


def ask(stack: p.Stack, path: str = "/") -> httpx.Response:
    return httpx.get(f"{stack.environment.address}{path}", timeout=10)


def inspected(service: str) -> dict[str, object]:
    """Describe a container of a service."""
    wanted = ["docker", "ps", "--quiet", "--filter", f"label=com.docker.swarm.service.name={service}"]
    containers = subprocess.run(wanted, capture_output=True, text=True, check=True).stdout.split()
    said = subprocess.run(["docker", "inspect", containers[0]], capture_output=True, text=True, check=True).stdout
    return dict(json.loads(said)[0]["HostConfig"])


async def test_the_first_deploy(stack: p.Stack, image: Image) -> None:
    checked = await answer(p.Preflight(stack=stack, image=image("one")))
    assert checked.ok, checked
    started = await start(stack, image("one"), "1.0")
    assert (started.status, started.serving) == ("healthy", "")
    assert ask(stack).status_code == 503
    switched = await switch(stack, started.release)
    assert (switched.serving, switched.before) == (started.release, "")
    variables = ask(stack, "/version").json()
    assert variables["APP_VERSION"] == "1.0"
    assert (variables["LOG_LEVEL"], variables["FEATURES"]) == ("debug", "all")
    seen = await watched(stack)
    assert seen.verdict.outcome == "pass", seen
    assert seen.own_requests >= seen.verdict.requests >= 10
    assert (await answer(p.Retire(stack=stack))).ok
    state = await described(stack)
    assert state.ok
    assert (state.serving, state.intent, state.lock) == (started.release, "", "")
    assert [(release.role, release.healthy, release.version) for release in state.releases] == [("serving", 2, "1.0")]


async def test_a_redeploy_under_load_loses_no_request(standing: p.Stack, image: Image, traffic: Traffic) -> None:
    with traffic(standing) as seen:
        two = await start(standing, image("two"))
        assert set(seen) == {"200 one"}, seen
        one = (await switch(standing, two.release)).before
        assert (await watched(standing)).verdict.outcome == "pass"
        retired = await answer(p.Retire(stack=standing))
        assert isinstance(retired, p.Retired)
        assert (retired.kept, retired.removed) == (one, ())
        # The release before is kept, so that going back starts nothing.
        again = await start(standing, image("one"), "one")
        assert (again.status, again.release, again.serving) == ("healthy", one, two.release)
        await switch(standing, one)
        keep_none = standing.environment.model_copy(update={"keep_previous": 0})
        retired = await answer(p.Retire(stack=standing.model_copy(update={"environment": keep_none})))
        assert isinstance(retired, p.Retired)
        assert (retired.kept, retired.removed) == ("", (two.release,))
    assert set(seen) == {"200 one", "200 two"}, seen
    assert min(seen.values()) > 50
    assert (await described(standing)).serving == one


async def test_a_failing_watch_is_switched_back(standing: p.Stack, image: Image, traffic: Traffic) -> None:
    bad = await start(standing, image("bad"))
    one = (await switch(standing, bad.release)).before
    with traffic(standing):
        seen = await watched(standing)
    assert (seen.ok, seen.verdict.outcome) == (False, "fail")
    assert "of the requests failed" in seen.message
    back = await answer(p.SwitchBack(stack=standing))
    assert isinstance(back, p.Switched), back
    assert (back.serving, back.before) == (one, bad.release)
    with traffic(standing) as after:
        state = await described(standing)
    assert set(after) == {"200 one"}
    assert [release.name for release in state.releases] == [one]
    assert state.intent == ""


@pytest.mark.full
async def test_an_unhealthy_candidate_serves_nobody(standing: p.Stack, image: Image, traffic: Traffic) -> None:
    with traffic(standing) as seen:
        started = await start(standing, image("sick"))
    assert (started.ok, started.status) == (False, "unhealthy")
    assert "not healthy after 20 s" in started.message
    assert "503" in started.logs
    assert set(seen) == {"200 one"}
    state = await described(standing)
    assert (state.serving, len(state.releases), state.intent) == (started.serving, 1, "")


async def test_a_candidate_that_cannot_start_says_why(standing: p.Stack, image: Image) -> None:
    started = await start(standing, image("crash"))
    assert started.status == "unhealthy"
    assert "failed 3 times" in started.message
    assert "this build cannot start" in started.logs


@pytest.mark.full
async def test_a_candidate_that_lacks_memory_is_told_its_limit(standing: p.Stack, image: Image) -> None:
    resources = standing.environment.resources.model_copy(update={"memory": "6MiB"})
    environment = standing.environment.model_copy(update={"resources": resources})
    started = await start(standing.model_copy(update={"environment": environment}), image("one"))
    assert started.status == "unhealthy"
    assert "environments.dev.resources.memory is 6MiB: raise it in pipeline.toml" in started.message


@pytest.mark.full
async def test_an_edge_whose_port_the_host_itself_has(stack: p.Stack, image: Image) -> None:
    port = stack.environment.edge.port
    with socket.create_server(("", port)):
        failed = await answer(p.Candidate(stack=stack, image=image("one"), version="1"))
    assert isinstance(failed, p.Failed), failed
    assert f"→ port {port} is taken: `sudo ss -ltnp` tells" in failed.message


async def test_what_serves_already_is_left_alone(standing: p.Stack, image: Image) -> None:
    started = await start(standing, image("one"), "one")
    assert (started.status, started.release) == ("unchanged", started.serving)


async def test_other_settings_are_another_release(standing: p.Stack, image: Image) -> None:
    environment = standing.environment.model_copy(update={"log_level": "off", "replicas": 1})
    other = standing.model_copy(update={"environment": environment})
    started = await start(other, image("one"), "one")
    assert started.status == "healthy"
    assert started.release != started.serving
    discarded = await answer(p.Discard(stack=other, release=started.release))
    assert discarded.ok
    assert len((await described(standing)).releases) == 1


async def test_replicas_start_as_many_at_a_time_as_is_said(standing: p.Stack, image: Image) -> None:
    update = standing.environment.update.model_copy(update={"parallelism": 1, "delay": 2.0})
    other = standing.model_copy(update={"environment": standing.environment.model_copy(update={"update": update})})
    starting, seen = asyncio.create_task(start(other, image("two"))), set()
    while not starting.done():
        seen |= {release.replicas for release in (await described(other)).releases if release.role == "candidate"}
        await asyncio.sleep(0.2)
    started = await starting
    assert started.status == "healthy"
    assert seen == {1, 2}
    (release,) = [found for found in (await described(other)).releases if found.name == started.release]
    assert (release.replicas, release.healthy, release.role) == (2, 2, "candidate")
    assert (await answer(p.Discard(stack=other, release=started.release))).ok


async def test_what_serves_cannot_be_discarded(standing: p.Stack) -> None:
    serving = (await described(standing)).serving
    refused = await answer(p.Discard(stack=standing, release=serving))
    assert isinstance(refused, p.Failed)
    assert "switch back" in refused.message


async def test_an_unknown_release_cannot_be_switched_to(standing: p.Stack) -> None:
    refused = await answer(p.Switch(stack=standing, release="web-nobody"))
    assert isinstance(refused, p.Failed)
    assert refused.reason == "missing"


async def test_a_proof_runs_beside_the_release(standing: p.Stack) -> None:
    serving = (await described(standing)).serving
    script = (
        "import os, urllib.request as r; open('/tmp/report', 'w').write(os.environ['EXTRA']); "
        "print(r.urlopen(os.environ['BASE_URL']).read().decode())"
    )
    for release in (serving, ""):
        proved = await answer(
            p.Prove(
                stack=standing,
                release=release,
                image="python:3.13-slim",
                command=("python", "-c", script),
                env={"EXTRA": "fine"},
                files=("/tmp/report", "/tmp/none"),  # noqa: S108 - inside the container
            )
        )
        assert isinstance(proved, p.Proved), proved
        assert (proved.status, proved.output, proved.files) == ("passed", "one", {"/tmp/report": "fine"})  # noqa: S108


async def test_a_failed_proof_says_what_it_wrote(standing: p.Stack) -> None:
    command = ("python", "-c", "import sys; print('before'); sys.exit('it does not work')")
    proved = await answer(p.Prove(stack=standing, image="python:3.13-slim", command=command))
    assert isinstance(proved, p.Proved), proved
    assert (proved.ok, proved.status, proved.exit_code) == (False, "failed", 1)
    assert "before" in proved.output
    assert "it does not work" in proved.output


async def test_a_proof_that_does_not_end_is_ended(standing: p.Stack) -> None:
    command = ("python", "-c", "import time; time.sleep(60)")
    proved = await answer(p.Prove(stack=standing, image="python:3.13-slim", command=command, timeout=1))
    assert isinstance(proved, p.Proved), proved
    assert (proved.ok, proved.status) == (False, "timeout")
    assert "not done after 1 s" in proved.message


def test_a_release_runs_with_as_little_as_it_needs(standing: p.Stack, image: Image) -> None:
    digest = image("one").partition("@sha256:")[2][:12]
    (name,) = [
        line
        for line in subprocess.run(
            ["docker", "service", "ls", "--format", "{{.Name}}"], capture_output=True, text=True, check=True
        ).stdout.split()
        if line.startswith(f"{standing.namespace}_web-{digest}")
    ]
    host = inspected(name)
    assert (host["ReadonlyRootfs"], host["CapDrop"], host["PidsLimit"]) == (True, ["ALL"], 200)
    assert (host["Memory"], host["NanoCpus"]) == (256 << 20, 10**9)


def test_docker_shows_the_stack(standing: p.Stack) -> None:
    listed = subprocess.run(["docker", "stack", "ls"], capture_output=True, text=True, check=True).stdout
    assert standing.namespace in listed


async def test_a_taken_port_is_found_before_anything_changes(standing: p.Stack) -> None:
    other = standing.model_copy(update={"name": "other"})
    checked = await answer(p.Preflight(stack=other))
    assert isinstance(checked, p.Checked)
    assert not checked.ok
    assert f"{standing.namespace}_edge" in checked.message


async def test_an_image_that_is_not_there_is_found_before_anything_changes(standing: p.Stack) -> None:
    checked = await answer(p.Preflight(stack=standing, image=f"localhost:5000/none@sha256:{'0' * 64}"))
    assert isinstance(checked, p.Checked)
    assert [check.name for check in checked.checks if not check.ok] == ["image"]


async def test_metrics_are_read(standing: p.Stack) -> None:
    measured = await answer(p.Metrics(stack=standing))
    assert isinstance(measured, p.Measured)
    assert "caddy_http_request_duration_seconds" in measured.texts[0]


@pytest.mark.full
async def test_the_database_is_for_the_release_alone(stack: p.Stack, image: Image) -> None:
    app = stack.app.model_copy(update={"database": "postgres"})
    stack = stack.model_copy(update={"app": app})
    one = await start(stack, image("one"))
    assert one.status == "healthy", one
    await switch(stack, one.release)
    assert (await answer(p.Retire(stack=stack))).ok
    password = ask(stack, "/database").text
    assert len(password) > 20
    two = await start(stack, image("two"))
    await switch(stack, two.release)
    assert ask(stack, "/database").text == password
    assert password not in json.dumps(inspected(f"{stack.namespace}_db"))
    script = "import socket; socket.create_connection(('tasks.db', 5432), 3)"
    outsider = await answer(p.Prove(stack=stack, image="python:3.13-slim", command=("python", "-c", script)))
    assert isinstance(outsider, p.Proved), outsider
    assert outsider.status == "failed"
    assert "gaierror" in outsider.output


async def test_a_database_whose_password_is_lost_is_not_begun_anew(stack: p.Stack, image: Image) -> None:
    stack = stack.model_copy(update={"app": stack.app.model_copy(update={"database": "postgres"})})
    labels = ("--label", f"com.docker.stack.namespace={stack.namespace}")
    volume = docker("volume", "create", *labels, f"{stack.namespace}_database")
    outcome = await answer(p.Candidate(stack=stack, image=image("one"), version="one"))
    assert isinstance(outcome, p.Failed), outcome
    assert outcome.reason == "missing"
    assert f"'docker volume rm {volume}'" in outcome.message
    assert docker("volume", "ls", "--quiet", "--filter", f"name={volume}") == volume


def test_the_settings_of_the_project_describe_stacks() -> None:
    settings = Settings.parse((Path(__file__).parents[2] / "pipeline.toml").read_text())
    names = [p.Stack.of(settings, name).namespace for name in settings.environments]
    assert names == ["orders-dev", "orders-acceptance", "orders-production"]
