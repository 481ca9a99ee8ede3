"""What a service must know and nobody else may: put into the target, read by releases, rotated, never told."""

import json
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest

from ci.targets import protocol as p
from ci.targets.__main__ import answer

Image = Callable[[str], str]
Put = Callable[[p.Stack, str, str], p.PutSecret]

OLD, NEW = "an-old-value-that-nobody-tells", "a-new-value-that-nobody-tells"


def with_secrets(stack: p.Stack, *names: str) -> p.Stack:
    return stack.model_copy(update={"environment": stack.environment.model_copy(update={"secrets": names})})


@pytest.fixture
def put(tmp_path: Path) -> Put:
    """A request that puts a value."""

    def request(stack: p.Stack, name: str, value: str) -> p.PutSecret:
        file = tmp_path / name
        file.write_text(value)
        return p.PutSecret(stack=stack, name=name, value_file=str(file))

    return request


async def stored(request: p.PutSecret) -> p.SecretPut:
    outcome = await answer(request)
    assert isinstance(outcome, p.SecretPut), outcome
    return outcome


async def failure(request: p.AnyRequest) -> str:
    outcome = await answer(request)
    assert isinstance(outcome, p.Failed), outcome
    return outcome.message


async def deploy(stack: p.Stack, image: str) -> p.Deployed:
    outcome = await answer(p.Deploy(stack=stack, image=image, version="1", holder="author"))
    assert isinstance(outcome, p.Deployed), outcome
    return outcome


async def readers(stack: p.Stack, name: str) -> dict[int, tuple[str, ...]]:
    outcome = await answer(p.ListSecrets(stack=stack))
    assert isinstance(outcome, p.SecretsListed), outcome
    (secret,) = [found for found in outcome.secrets if found.name == name]
    return {version.version: version.releases for version in secret.versions}


def served(stack: p.Stack, path: str) -> dict[str, str]:
    return dict(httpx.get(f"{stack.environment.address}{path}", timeout=10).json())


async def read_by(stack: p.Stack, release: str) -> str:
    proof = p.Prove(
        stack=stack, release=release, image="busybox:1", command=("sh", "-c", 'wget -qO- "$BASE_URL/secrets"')
    )
    outcome = await answer(proof)
    assert isinstance(outcome, p.Proved), outcome
    return outcome.output


def all_that_docker_tells(stack: p.Stack) -> Iterator[str]:
    """Give what the daemon says about everything of a stack."""
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


async def test_a_secret_lives(stack: p.Stack, image: Image, put: Put, capfd: pytest.CaptureFixture[str]) -> None:
    stack = with_secrets(stack, "api-key")
    missing = await deploy(stack, image("one"))
    assert (missing.status, missing.release) == ("refused", "")
    assert "never set: api-key: ci call secrets-set --env dev --name api-key" in missing.message

    first = await stored(put(stack, "api-key", OLD))
    assert (first.version, first.removed) == (1, ())
    one = await deploy(stack, image("one"))
    assert one.status == "deployed"
    assert served(stack, "/secrets") == {"api-key": OLD}
    assert await readers(stack, "api-key") == {1: (one.release,)}

    assert (await stored(put(stack, "api-key", NEW))).version == 2
    # The same digest with the new value is another release; the old one keeps its own until it goes.
    two = await deploy(stack, image("one"))
    assert (two.status, two.before.digest) == ("deployed", image("one").partition("@")[2])
    assert served(stack, "/secrets") == {"api-key": NEW}
    assert await read_by(stack, one.release) == json.dumps({"api-key": OLD})
    assert await readers(stack, "api-key") == {1: (one.release,), 2: (two.release,)}

    # Never in a variable, in what Docker tells, or in what was said on the way.
    told = [*served(stack, "/version").values(), *all_that_docker_tells(stack), str([missing, first, one, two])]
    told += capfd.readouterr()
    assert not [text for text in told if OLD in text or NEW in text]

    forgetful = stack.environment.model_copy(update={"keep_previous": 0})
    assert (await answer(p.Retire(stack=stack.model_copy(update={"environment": forgetful})))).ok
    assert await readers(stack, "api-key") == {2: (two.release,)}


async def test_a_value_that_nobody_reads_goes_when_two_newer_ones_came(stack: p.Stack, put: Put) -> None:
    for _ in range(2):
        assert (await stored(put(stack, "api-key", OLD))).removed == ()
    third = await stored(put(stack, "api-key", NEW))
    assert (third.version, third.removed) == (3, (1,))
    assert "add it to secrets in [environments.dev]" in third.message


async def test_what_is_missing_is_listed(stack: p.Stack) -> None:
    outcome = await answer(p.ListSecrets(stack=with_secrets(stack, "api-key")))
    assert isinstance(outcome, p.SecretsListed)
    assert (outcome.ok, outcome.secrets) == (False, (p.SecretState(name="api-key", wanted=True),))
    assert "secrets-set --env dev --name api-key" in outcome.message


@pytest.mark.full
async def test_a_database_elsewhere(stack: p.Stack, image: Image, put: Put) -> None:
    app = stack.app.model_copy(update={"database": "postgres"})
    stack = with_secrets(stack.model_copy(update={"app": app}), "database-url")
    # The edge stands for the database: it takes connections.
    url = f"postgresql://service:{OLD}@tasks.edge:{stack.environment.edge.port}/service"
    await stored(put(stack, "database-url", url))
    deployed = await deploy(stack, image("one"))
    assert deployed.status == "deployed", deployed
    assert served(stack, "/version")["DATABASE_URL_FILE"] == "/run/secrets/database-url"
    assert httpx.get(f"{stack.environment.address}/database", timeout=10).text == OLD
    state = await answer(p.State(stack=stack))
    assert isinstance(state, p.Described)
    assert state.services == {"edge": 1}


async def test_bad_values_are_refused(stack: p.Stack, put: Put) -> None:
    assert "1 to 500000 bytes (is 0)" in await failure(put(stack, "api-key", ""))
    assert "1 to 500000 bytes" in await failure(put(stack, "api-key", "x" * 500_001))
    assert "is the stack's own" in await failure(put(stack, "database-password", OLD))
    long = stack.model_copy(update={"app": stack.app.model_copy(update={"name": "a" * 40})})
    assert "64 characters at most" in await failure(put(long, "a" * 32, OLD))
    assert "at most 32 letters, digits" in await failure(put(stack, "two words", OLD))
    nowhere = p.PutSecret(stack=stack, name="api-key", value_file="/nowhere/value")
    assert "/nowhere/value: there is no such file" in await failure(nowhere)
