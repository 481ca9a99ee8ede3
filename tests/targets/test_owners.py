"""Two owners whose stacks have one name: app `a-b` in environment `dev`, and app `a` in environment `b-dev`."""

import uuid
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from ci.agent.protocol.requests import (
    AnyRequest,
    ListSecrets,
    LockEnvironment,
    ReadStatus,
    SetSecret,
    UnlockEnvironment,
)
from ci.agent.protocol.responses import Done, Status
from ci.targets.stack import Stack
from ci.targets.swarm.names import APP, ENVIRONMENT, NAMESPACE
from ci.targets.swarm.removal import remove_stack
from ci.targets.swarm.target import SwarmTarget
from tests.agents import REGISTRY, SETTINGS, Agent, Images, deploy_request
from tests.machine import a_free_port, docker

LOCK = LockEnvironment(environment="dev", by="lead", reason="mine", seconds=3600)


@pytest.fixture
async def owners(tmp_path: Path) -> AsyncIterator[tuple[Agent, Agent]]:
    """Return the agents of `a-b` with `dev`, and of `a` with `b-dev`; nothing of their stacks exists yet."""
    name = f"test-{uuid.uuid4().hex[:8]}"
    text = SETTINGS.format(name=f"{name}-b", registry=REGISTRY, port=a_free_port())
    first = Agent(tmp_path, text)
    second = Agent(tmp_path, text.replace(f"{name}-b", name).replace("environments.dev", "environments.b-dev"))
    assert first.stack.namespace == Stack.of(second.settings, "b-dev").namespace
    yield first, second
    await first.remove()


def objects(namespace: str) -> list[str]:
    by_name = f"label={NAMESPACE}={namespace}"
    return [docker(kind, "ls", "--quiet", "--filter", by_name) for kind in ("service", "config", "network", "volume")]


@pytest.mark.parametrize(
    "request_",
    [
        LOCK.model_copy(update={"environment": "b-dev"}),
        UnlockEnvironment(environment="b-dev", force=True),
        SetSecret(environment="b-dev", name="token"),
        ListSecrets(environment="b-dev"),
        ReadStatus(environment="b-dev"),
    ],
    ids=lambda request: type(request).__name__,
)
async def test_object_of_another_owner_is_refused_by_name(owners: tuple[Agent, Agent], request_: AnyRequest) -> None:
    await refuse_beside_a_lock(*owners, request_)


async def test_deploy_over_another_owner_is_refused_by_name(owners: tuple[Agent, Agent], images: Images) -> None:
    request = deploy_request("1.0", images.service("one")).model_copy(update={"environment": "b-dev"})
    await refuse_beside_a_lock(*owners, request)


async def refuse_beside_a_lock(first: Agent, second: Agent, request: AnyRequest) -> None:
    await first.ask(Done, LOCK)
    before = objects(first.stack.namespace)
    (second.home / "secret").write_text("value")
    failed = await second.fail(request)
    app, other = first.settings.app.name, second.settings.app.name
    assert f"the config {first.stack.namespace}_lock belongs to environment dev of app {app}" in failed.message
    assert f"not to environment b-dev of app {other}: rename one of them" in failed.message
    assert objects(first.stack.namespace) == before
    lock = (await first.state()).lock
    assert lock
    assert lock.lock.holder == "lead"


async def test_removed_stack_leaves_what_belongs_to_another_owner(owners: tuple[Agent, Agent], images: Images) -> None:
    first, second = owners
    assert (await first.deploy("one", images.service("one"))).ok
    (first.home / "secret").write_text("value")
    await first.ask(Done, SetSecret(environment="dev", name="token"))
    before = objects(first.stack.namespace)
    stack = Stack.of(second.settings, "b-dev")
    async with SwarmTarget.connect(stack) as target:
        checks = {check.name: check for check in await target.check("")}
        assert not checks["owner"].ok
        assert f"belongs to environment dev of app {first.settings.app.name}" in checks["owner"].detail
        await remove_stack(target.daemon, stack)
    assert objects(first.stack.namespace) == before
    assert first.serving() == "one"
    async with first.target() as target:
        assert all(check.ok for check in await target.check(""))
        assert [secret.name for secret in await target.list_secrets()] == ["token"]


async def test_every_object_is_labelled_with_its_owner(serving: Agent) -> None:
    namespace = serving.stack.namespace
    owner = f'{{{{index .Labels "{APP}"}}}} {{{{index .Labels "{ENVIRONMENT}"}}}}'
    for kind, prefix in (("service", ".Spec"), ("config", ".Spec"), ("network", ""), ("volume", "")):
        names = docker(kind, "ls", "--quiet", "--filter", f"label={NAMESPACE}={namespace}").split()
        assert names
        found = docker(kind, "inspect", "--format", owner.replace(".Labels", f"{prefix}.Labels"), *names)
        assert set(found.splitlines()) == {f"{serving.settings.app.name} dev"}


async def test_stack_of_another_tool_is_refused(agent: Agent) -> None:
    name = f"{agent.stack.namespace}_other"
    label = f"{NAMESPACE}={agent.stack.namespace}"
    docker("service", "create", "--quiet", "--detach", "--replicas", "0", "--name", name, "--label", label, "busybox:1")
    try:
        failed = await agent.fail(ReadStatus(environment="dev"))
        assert f"the service {name} belongs to something else than this pipeline" in failed.message
    finally:
        docker("service", "rm", name)
    await agent.ask(Status, ReadStatus(environment="dev"))


async def test_object_of_an_earlier_version_belongs_to_the_app_in_its_name(agent: Agent) -> None:
    namespace = agent.stack.namespace
    labels = ("--label", f"{NAMESPACE}={namespace}", "--label", f"{ENVIRONMENT}=dev")
    docker("network", "create", "--driver", "overlay", "--attachable", *labels, f"{namespace}_default")
    await agent.ask(Status, ReadStatus(environment="dev"))
