"""Secrets: set on the target, read by releases, rotated, and never shown."""

import json
import subprocess
from collections.abc import Iterator

import httpx
import pytest

from ci.agent.home import SECRET
from ci.agent.protocol.requests import ListSecrets, Prepare, SetSecret
from ci.agent.protocol.responses import Done, Failed, Identified, Refused, Secrets
from ci.outcome import Outcome
from ci.targets.errors import DaemonError
from ci.targets.stack import Stack
from ci.targets.swarm.target import SwarmTarget
from ci.targets.target import SecretState, TestRun
from tests.agents import Agent, Images

OLD, NEW = "an-old-value-that-nobody-sees", "a-new-value-that-nobody-sees"
API_KEY = 'environments.dev.secrets=["api-key"]'


async def set_secret(agent: Agent, value: str, name: str = "api-key") -> str:
    (agent.home / SECRET).write_text(value)
    return (await agent.ask(Done, SetSecret(environment="dev", name=name))).message


async def failure(agent: Agent, value: str, name: str = "api-key") -> str:
    (agent.home / SECRET).write_text(value)
    return (await agent.ask(Failed, SetSecret(environment="dev", name=name))).message


async def readers(agent: Agent) -> dict[int, tuple[str, ...]]:
    """Return which releases read each value of `api-key`, by its number."""
    (secret,) = (await agent.ask(Secrets, ListSecrets(environment="dev"))).secrets
    return {version.version: version.releases for version in secret.versions}


def fetch(agent: Agent, path: str) -> dict[str, str]:
    return dict(agent.fetch(path).json())


async def secrets_of(agent: Agent, release: str) -> str:
    run = TestRun(image="busybox:1", command=("sh", "-c", 'wget -qO- "$BASE_URL/secrets"'))
    async with agent.target() as target:
        return (await target.run_tests(run, release)).output


def inspections(stack: Stack) -> Iterator[str]:
    """Give what the daemon shows about every object of a stack."""
    by_stack = f"label=com.docker.stack.namespace={stack.namespace}"
    for kind in ("service", "container", "network", "config"):
        every = ["--all"] if kind == "container" else []
        listed = ["docker", kind, "ls", *every, "--quiet", "--filter", by_stack]
        found = subprocess.run(listed, capture_output=True, text=True, check=True).stdout.split()
        for item in found:
            yield subprocess.run(["docker", kind, "inspect", item], capture_output=True, text=True, check=True).stdout
    by_stack = f"label=slipway.stack={stack.namespace}"
    listed = ["docker", "secret", "ls", "--quiet", "--filter", by_stack]
    for item in subprocess.run(listed, capture_output=True, text=True, check=True).stdout.split():
        yield subprocess.run(["docker", "secret", "inspect", item], capture_output=True, text=True, check=True).stdout


async def test_secret_is_set_read_rotated_and_never_shown(
    agent: Agent, images: Images, capfd: pytest.CaptureFixture[str]
) -> None:
    agent = agent.changed(API_KEY)
    missing = await agent.deploy("1", images.service("one"))
    assert (missing.outcome, missing.release) == (Outcome.REFUSED, "")
    assert "never set: api-key: ci call secrets set --env dev --name api-key" in missing.message

    first = await set_secret(agent, OLD)
    assert first == (
        "api-key has its value number 1; releases read it from the next deploy on: ci call deploy --env dev"
    )
    one = await agent.deploy("1", images.service("one"))
    assert one.outcome == Outcome.SUCCEEDED
    assert fetch(agent, "/secrets") == {"api-key": OLD}
    assert await readers(agent) == {1: (one.release,)}

    second = await set_secret(agent, NEW)
    assert second.startswith("api-key has its value number 2")
    # The same digest with the new value is another release; the old one keeps its own until it goes.
    two = await agent.deploy("1", images.service("one"))
    assert (two.outcome, two.previous.digest) == (Outcome.SUCCEEDED, images.service("one").partition("@")[2])
    assert fetch(agent, "/secrets") == {"api-key": NEW}
    assert await secrets_of(agent, one.release) == json.dumps({"api-key": OLD})
    assert await readers(agent) == {1: (one.release,), 2: (two.release,)}

    # Never in a variable, in what Docker shows, or in what was reported on the way.
    shown = [*fetch(agent, "/version").values(), *inspections(agent.stack)]
    shown += [str([missing, first, one, second, two]), *capfd.readouterr()]
    assert not [text for text in shown if OLD in text or NEW in text]

    async with agent.changed("environments.dev.keep_previous=0").target() as target:
        assert (await target.retire()).removed == (one.release,)
    assert await readers(agent) == {2: (two.release,)}


async def test_missing_secret_is_refused_before_anything_is_built(agent: Agent) -> None:
    agent = agent.changed(API_KEY)
    # What is to be built is not even looked at: the agent's home holds no sources.
    refused = await agent.ask(Refused, Prepare(environment="dev"))
    assert refused.reasons == (
        "dev: preflight: secrets: never set: api-key: ci call secrets set --env dev --name api-key --value …",
    )
    await set_secret(agent, OLD)
    assert (await agent.ask(Identified, Prepare(environment="dev", version="1.4.2"))).version == "1.4.2"


async def test_unread_value_is_removed_after_two_newer_ones(agent: Agent) -> None:
    for number in (1, 2):
        await set_secret(agent, OLD)
        assert list(await readers(agent))[-1] == number
    message = await set_secret(agent, NEW)
    assert await readers(agent) == {2: (), 3: ()}
    assert message == "api-key has its value number 3; no release reads it: add it to secrets in [environments.dev]"


async def test_missing_secret_is_listed(agent: Agent) -> None:
    listed = await agent.changed(API_KEY).ask(Secrets, ListSecrets(environment="dev"))
    assert (listed.ok, listed.secrets) == (False, (SecretState(name="api-key", declared=True),))
    assert listed.message == "never set: api-key"


@pytest.mark.full
async def test_release_uses_a_database_elsewhere(agent: Agent, images: Images) -> None:
    agent = agent.changed("app.database=postgres", 'environments.dev.secrets=["database-url"]')
    # The edge stands for the database: it takes connections.
    url = f"postgresql://service:{OLD}@tasks.edge:{agent.stack.environment.edge.port}/service"
    await set_secret(agent, url, "database-url")
    report = await agent.deploy("1", images.service("one"))
    assert report.outcome == Outcome.SUCCEEDED, report
    assert fetch(agent, "/version")["DATABASE_URL_FILE"] == "/run/secrets/database-url"
    assert httpx.get(f"{agent.stack.environment.address}/database", timeout=10).text == OLD
    assert (await agent.state()).services == {"edge": 1}


async def test_bad_values_are_refused(agent: Agent) -> None:
    assert "1 to 500000 bytes (is 0)" in await failure(agent, "")
    assert "1 to 500000 bytes" in await failure(agent, "x" * 500_001)
    assert "is the stack's own" in await failure(agent, OLD, "database-password")
    assert "at most 32 letters, digits" in await failure(agent, OLD, "two words")
    app = agent.stack.app.model_copy(update={"name": "a" * 40})
    async with SwarmTarget.connect(agent.stack.model_copy(update={"app": app})) as target:
        with pytest.raises(DaemonError, match="64 characters at most"):
            await target.set_secret("a" * 32, OLD.encode())
    (agent.home / SECRET).unlink()
    failed = await agent.fail(SetSecret(environment="dev", name="api-key"))
    assert f"{agent.home}/{SECRET}: there is no such file" in failed.message
