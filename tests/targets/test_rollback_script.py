"""scripts/rollback.sh, for whoever is on call with bash and Docker alone, and what it leaves for the pipeline."""

import asyncio
import shutil
import subprocess
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractContextManager, asynccontextmanager, suppress
from pathlib import Path

import asyncssh
import httpx
import pytest

from ci.targets import protocol as p
from ci.targets.__main__ import answer
from ci.targets.access import reach
from ci.targets.swarm import intent
from ci.targets.swarm.locking import lock
from ci.targets.swarm.names import Names

Image = Callable[[str], str]
Traffic = Callable[[p.Stack], AbstractContextManager[Counter[str]]]
Script = Callable[..., subprocess.CompletedProcess[str]]

SCRIPT = Path(__file__).parents[2] / "scripts/rollback.sh"
TOOLS = ("bash", "docker", "sed", "grep", "date", "id", "uname", "tr", "wc", "sleep")


@pytest.fixture
def tools(tmp_path: Path) -> Path:
    """A folder with all the programs that the script may use."""
    folder = tmp_path / "bin"
    folder.mkdir()
    for tool in TOOLS:
        found = shutil.which(tool)
        assert found
        (folder / tool).symlink_to(found)
    return folder


@pytest.fixture
def script(tools: Path) -> Script:
    """Run the script as a person would, with nothing of Python at hand."""

    def run(*arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
        command = ["/bin/bash", str(SCRIPT), *arguments]
        environment = {"PATH": str(tools), "HOME": str(tools)} | variables
        return subprocess.run(command, capture_output=True, text=True, check=False, env=environment)

    return run


@pytest.fixture
def both(standing: p.Stack, image: Image) -> p.Stack:
    """A stack in which the version `two` serves and `one` is kept."""
    for version in ("one", "two"):
        wanted = p.Rollback(stack=standing, image=image(version), version=version, holder="author")
        outcome = asyncio.run(answer(wanted))
        assert outcome.ok, outcome
    return standing


async def described(stack: p.Stack) -> p.Described:
    outcome = await answer(p.State(stack=stack))
    assert isinstance(outcome, p.Described), outcome
    return outcome


def build_that_serves(stack: p.Stack) -> str:
    return httpx.get(stack.environment.address, timeout=10).text


def edge_containers(stack: p.Stack) -> str:
    wanted = ["docker", "ps", "--quiet", "--filter", f"label=com.docker.swarm.service.name={stack.namespace}_edge"]
    return subprocess.run(wanted, capture_output=True, text=True, check=True).stdout


async def test_it_switches_and_the_pipeline_takes_it_up(
    both: p.Stack, image: Image, script: Script, traffic: Traffic
) -> None:
    before, edge = await described(both), edge_containers(both)
    with traffic(both) as seen:
        done = await asyncio.to_thread(script, "dev", "one", APP=both.app.name)
    assert done.returncode == 0, done.stderr
    assert "(one) serves dev" in done.stderr
    assert set(seen) == {"200 one", "200 two"}, seen
    state = await described(both)
    assert (state.now.image, state.previous) == (image("one"), before.now)
    assert state.by_hand.endswith("scripts/rollback.sh")
    assert (state.ok, state.since > before.since, state.intent, state.lock) == (True, True, "", "")
    # A label alone restarts nothing.
    assert edge_containers(both) == edge

    again = await asyncio.to_thread(script, "dev", "one", APP=both.app.name)
    assert (again.returncode, "serves dev already" in again.stderr) == (0, True)
    # The pipeline goes on from there, and what people did by hand is over then.
    forth = await answer(p.Rollback(stack=both, image=image("two"), version="two", holder="lead"))
    assert isinstance(forth, p.Deployed)
    assert (forth.kept, forth.before, forth.recovered) == (True, state.now, "")
    assert (await described(both)).by_hand == ""
    assert build_that_serves(both) == "two"


@pytest.mark.full
async def test_by_the_name_of_a_release(both: p.Stack, script: Script) -> None:
    kept = (await described(both)).previous.release
    done = await asyncio.to_thread(script, "dev", kept, APP=both.app.name)
    assert done.returncode == 0, done.stderr
    assert (await described(both)).serving == kept


async def test_a_version_that_is_not_kept_is_refused(both: p.Stack, script: Script) -> None:
    before = await described(both)
    refused = await asyncio.to_thread(script, "dev", "0.9", APP=both.app.name)
    assert refused.returncode == 1
    assert "0.9 is not kept there any more" in refused.stderr
    for release in before.releases:
        assert f"{release.version} ({release.name})" in refused.stderr
    assert "ci call rollback --env dev --version 0.9" in refused.stderr
    assert await described(both) == before


def test_an_environment_that_is_not_there_is_refused(both: p.Stack, script: Script) -> None:
    refused = script("nowhere", "one", APP=both.app.name)
    assert refused.returncode == 1
    assert f"nothing called {both.app.name}-nowhere is deployed there" in refused.stderr


def test_a_docker_that_does_not_answer(script: Script, tmp_path: Path) -> None:
    refused = script("dev", "one", DOCKER_HOST=f"unix://{tmp_path}/docker.sock")
    assert refused.returncode == 1
    assert f"no Docker answers at unix://{tmp_path}/docker.sock" in refused.stderr


def test_it_says_how_it_is_called(script: Script) -> None:
    told = script("dev")
    assert told.returncode == 2
    assert "scripts/rollback.sh ENV VERSION [ssh://user@host]" in told.stderr


@pytest.mark.full
async def test_a_freeze_holds_it_back_but_for_force(both: p.Stack, script: Script) -> None:
    assert (await answer(p.Lock(stack=both, holder="stakeholder", reason="the accounts are closed"))).ok
    refused = await asyncio.to_thread(script, "dev", "one", APP=both.app.name)
    assert refused.returncode == 1
    assert "locked by stakeholder" in refused.stderr
    assert "the accounts are closed" in refused.stderr
    assert build_that_serves(both) == "two"
    forced = await asyncio.to_thread(script, "dev", "one", APP=both.app.name, FORCE="1")
    assert forced.returncode == 0, forced.stderr
    assert build_that_serves(both) == "one"
    # The freeze is the stakeholder's, and stays.
    assert "stakeholder" in (await described(both)).lock
    assert (await answer(p.Unlock(stack=both))).ok


@pytest.mark.full
async def test_one_that_does_not_answer_is_switched_back(both: p.Stack, script: Script) -> None:
    one = (await described(both)).previous.release
    name = f"{both.namespace}_{one}"
    relabel = ["docker", "service", "update", "--detach", "--quiet", "--label-add", "slipway.health-path=/moved", name]
    await asyncio.to_thread(subprocess.run, relabel, capture_output=True, check=True)
    failed = await asyncio.to_thread(script, "dev", "one", APP=both.app.name)
    assert failed.returncode == 1
    assert "switching back" in failed.stderr
    assert build_that_serves(both) == "two"
    state = await described(both)
    assert (state.now.version, state.intent, state.lock, state.by_hand) == ("two", "", "", "")
    put_back = [part.replace("/moved", "/healthz") for part in relabel]
    await asyncio.to_thread(subprocess.run, put_back, capture_output=True, check=True)


@pytest.mark.full
async def test_one_whose_replicas_are_not_healthy_is_refused(both: p.Stack, script: Script) -> None:
    one = f"{both.namespace}_{(await described(both)).previous.release}"
    scale = ["docker", "service", "scale", "--detach"]
    await asyncio.to_thread(subprocess.run, [*scale, f"{one}=0"], capture_output=True, check=True)
    refused = await asyncio.to_thread(script, "dev", "one", APP=both.app.name, FORCE="1")
    await asyncio.to_thread(subprocess.run, [*scale, f"{one}=2"], capture_output=True, check=True)
    assert refused.returncode == 1
    assert f"See 'docker service ps {one}'" in refused.stderr
    assert build_that_serves(both) == "two"


@pytest.mark.full
async def test_the_lock_of_a_dead_run_is_taken_over_and_what_it_left_is_settled(
    both: p.Stack, image: Image, script: Script
) -> None:
    wanted = p.Lock(stack=both, holder="author", reason="deploy 3")
    async with reach(both.environment, p.Access()) as daemon:
        await lock(daemon, wanted, beats=True)
        serving = (await described(both)).serving
        await intent.record(daemon, Names(both), serving, "web-that-never-came")
    done = await asyncio.to_thread(script, "dev", "one", APP=both.app.name)
    assert done.returncode == 0, done.stderr
    assert "locked by author" in done.stderr
    state = await described(both)
    assert (state.now.image, state.lock, state.intent) == (image("one"), "", "")


async def pump(
    source: asyncssh.SSHReader[bytes] | asyncio.StreamReader, sink: asyncssh.SSHWriter[bytes] | asyncio.StreamWriter
) -> None:
    """Pass on what comes, until there is no more."""
    with suppress(BrokenPipeError, ConnectionResetError):
        while data := await source.read(1 << 16):
            sink.write(data)
            await sink.drain()
        sink.write_eof()


@asynccontextmanager
async def a_host(folder: Path) -> AsyncIterator[str]:
    """Run a real ssh server that runs commands, as `docker` on the other side needs; return its configuration file."""
    host, user = asyncssh.generate_private_key("ssh-ed25519"), asyncssh.generate_private_key("ssh-ed25519")
    user.write_private_key(str(folder / "key"))
    (folder / "key").chmod(0o600)
    user.write_public_key(str(folder / "authorized"))

    async def run(process: asyncssh.SSHServerProcess[bytes]) -> None:
        command = process.command or ""
        assert command.startswith("docker "), command
        child = await asyncio.create_subprocess_shell(
            command, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE
        )
        assert child.stdin
        assert child.stdout
        forth = asyncio.create_task(pump(process.stdin, child.stdin))
        await pump(child.stdout, process.stdout)
        await forth
        process.exit(await child.wait())

    server = await asyncssh.create_server(
        asyncssh.SSHServer,
        "127.0.0.1",
        0,
        server_host_keys=[host],
        authorized_client_keys=str(folder / "authorized"),
        process_factory=run,
        encoding=None,
    )
    async with server:
        known = f"[127.0.0.1]:{server.get_port()} {host.export_public_key().decode().strip()}\n"
        (folder / "known").write_text(known)
        (folder / "config").write_text(
            f"Host target\n HostName 127.0.0.1\n Port {server.get_port()}\n User root\n IdentityFile {folder}/key\n"
            f" UserKnownHostsFile {folder}/known\n StrictHostKeyChecking yes\n"
        )
        yield str(folder / "config")


@pytest.mark.full
async def test_over_ssh(both: p.Stack, image: Image, script: Script, tools: Path, tmp_path: Path) -> None:
    async with a_host(tmp_path) as config:
        (tools / "ssh").write_text(f'#!/bin/bash\nexec {shutil.which("ssh")} -F {config} "$@"\n')
        (tools / "ssh").chmod(0o755)
        done = await asyncio.to_thread(script, "dev", "one", "ssh://target", APP=both.app.name)
    assert done.returncode == 0, done.stderr
    assert (await described(both)).now.image == image("one")
