"""Git and HTTP: sources that come over the network, here from this machine."""

import hashlib
import os
import socket
import subprocess
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import dagger
import pytest
import pytest_asyncio
from dagger import dag

Git = tuple[dagger.GitRepository, str]


class Quiet(SimpleHTTPRequestHandler):
    """Serve files, the headers of /headers, and nothing to the log."""

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's name for it
        """Say nothing."""

    def do_GET(self) -> None:
        """Answer /headers with what was sent, and everything else with a file."""
        if self.path != "/headers":
            return super().do_GET()
        body = str(self.headers).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
        return None


@pytest.fixture
def web(tmp_path: Path) -> Iterator[tuple[int, Path]]:
    """A web server on this machine, and the folder that it serves."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(tmp_path)))
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield server.server_port, tmp_path
    server.shutdown()
    thread.join()
    server.server_close()


async def on_host(port: int, scheme: str) -> tuple[dagger.Service, str]:
    """Return a service for a port of this machine, and its address."""
    service = await dag.host().service([dagger.PortForward(frontend=port, backend=port)]).start()
    return service, await service.endpoint(scheme=scheme)


async def test_http(web: tuple[int, Path], unique: Callable[[], str]) -> None:
    (web[1] / "file.txt").write_text(text := unique())
    service, url = await on_host(web[0], "http")
    file = dag.http(f"{url}/file.txt", experimental_service_host=service)
    assert await file.contents() == text
    assert await file.name() == "file.txt"


async def test_http_name_permissions_and_checksum(web: tuple[int, Path], base: dagger.Container) -> None:
    (web[1] / "file.txt").write_text("text")
    service, url = await on_host(web[0], "http")
    digest = "sha256:" + hashlib.sha256(b"text").hexdigest()
    file = dag.http(
        f"{url}/file.txt", name="other", permissions=0o750, checksum=digest, experimental_service_host=service
    )
    assert await file.name() == "other"
    assert await base.with_mounted_file("/f", file).with_exec(["stat", "-c", "%a", "/f"]).stdout() == "750\n"


async def test_http_wrong_checksum(web: tuple[int, Path]) -> None:
    (web[1] / "file.txt").write_text("text")
    service, url = await on_host(web[0], "http")
    wrong = dag.http(f"{url}/file.txt", checksum="sha256:" + "0" * 64, experimental_service_host=service)
    with pytest.raises(dagger.QueryError, match=r"checksum|digest"):
        await wrong.contents()


async def test_http_missing(web: tuple[int, Path]) -> None:
    service, url = await on_host(web[0], "http")
    with pytest.raises(dagger.QueryError, match="404"):
        await dag.http(f"{url}/missing", experimental_service_host=service).contents()


async def test_http_authorization_header(web: tuple[int, Path], unique: Callable[[], str]) -> None:
    service, url = await on_host(web[0], "http")
    header = dag.set_secret("header", value := f"Bearer {unique()}")
    answered = dag.http(f"{url}/headers", auth_header=header, experimental_service_host=service)
    assert f"Authorization: {value}" in await answered.contents()


def git(folder: Path, *args: str) -> str:
    people = [f"GIT_{who}_{what}" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")]
    configuration = {"GIT_CONFIG_GLOBAL": "/dev/null", "GIT_CONFIG_SYSTEM": "/dev/null"}
    environment = os.environ | dict.fromkeys(people, "contract@example.com") | configuration
    command = ["git", "-C", str(folder), *args]  # the machine's own git
    return subprocess.run(command, check=True, capture_output=True, text=True, env=environment).stdout.strip()


@pytest_asyncio.fixture(loop_scope="session")
async def repository(tmp_path: Path) -> AsyncIterator[tuple[Git, Path]]:
    """A repository served by git's own daemon: two commits on main, a tag on the first, a branch `other`."""
    folder = tmp_path / "repo"
    folder.mkdir()
    git(folder, "init", "--initial-branch=main")
    for name in ("first", "second"):
        (folder / f"{name}.txt").write_text(name)
        git(folder, "add", ".")
        git(folder, "commit", "--message", name)
        if name == "first":
            git(folder, "tag", "v1.0.0")
            git(folder, "branch", "other")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = ["git", "daemon", "--listen=127.0.0.1", f"--port={port}", f"--base-path={tmp_path}", "--export-all"]
    with subprocess.Popen(command, stderr=subprocess.DEVNULL) as daemon:
        await_port(port)
        service, url = await on_host(port, "git")
        try:
            yield (dag.git(f"{url}/repo", experimental_service_host=service), url), folder
        finally:
            daemon.terminate()


def await_port(port: int) -> None:
    for _ in range(100):
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    raise TimeoutError(port)


async def test_git_branch(repository: tuple[Git, Path]) -> None:
    (repo, _), folder = repository
    main = repo.branch("main")
    assert await main.commit() == git(folder, "rev-parse", "main")
    assert await main.tree(discard_git_dir=True).entries() == ["first.txt", "second.txt"]
    assert await repo.branch("other").tree(discard_git_dir=True).entries() == ["first.txt"]


async def test_git_tag_commit_ref_and_head(repository: tuple[Git, Path]) -> None:
    (repo, _), folder = repository
    first = git(folder, "rev-parse", "v1.0.0")
    assert await repo.tag("v1.0.0").commit() == first
    assert await repo.commit(first).tree().file("first.txt").contents() == "first"
    assert await repo.ref("refs/heads/other").commit() == first
    assert await repo.head().commit() == git(folder, "rev-parse", "HEAD")


async def test_git_directory_is_kept_by_default(repository: tuple[Git, Path]) -> None:
    (repo, _), _folder = repository
    assert ".git/" in await repo.branch("main").tree().entries()


async def test_git_lists_tags_and_branches(repository: tuple[Git, Path]) -> None:
    (repo, _), _folder = repository
    assert await repo.tags() == ["v1.0.0"]
    assert await repo.branches() == ["main", "other"]
    assert await repo.tags(patterns=["v2*"]) == []


async def test_git_missing_branch(repository: tuple[Git, Path]) -> None:
    (repo, _), _folder = repository
    with pytest.raises(dagger.QueryError, match="missing"):
        await repo.branch("missing").tree().entries()


async def test_git_a_branch_that_moves_is_seen(repository: tuple[Git, Path]) -> None:
    (_, url), folder = repository
    assert await dag.git(f"{url}/repo").head().commit() == git(folder, "rev-parse", "HEAD")
