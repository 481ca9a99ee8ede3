"""A registry that misbehaves, asks who we are, or is not there: a small real server that does as it is told."""

import base64
import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest

from ci.ledger import protocol as p
from ci.ledger.errors import DeniedError, MissingError, RegistryError, UnreachableError
from ci.ledger.store.login import Login
from ci.ledger.store.registry import Registry, digest_of
from tests.ledger.desk import Desk

Answer = tuple[int, dict[str, str], bytes]
# What the server does with the number of a request, its method, its path and its Authorization.
Behaviour = Callable[[int, str, str, str], Answer]
AT_ONCE = (0.0, 0.0)


@contextmanager
def a_server(behave: Behaviour) -> Iterator[tuple[str, list[str]]]:
    """Serve, and tell the address and what was asked."""
    asked: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def answer(self) -> None:
            asked.append(f"{self.command} {self.path}")
            sent = self.rfile.read(int(self.headers.get("content-length") or 0))
            status, headers, body = behave(
                len(asked), self.command, self.path, self.headers.get("authorization", sent[:0].decode())
            )
            self.send_response(status)
            for name, value in {"content-length": str(len(body)), **headers}.items():
                self.send_header(name, value)
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(body)

        do_GET = do_PUT = do_POST = do_HEAD = answer  # noqa: N815 - http.server's names

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}", asked
        finally:
            server.shutdown()
            thread.join()


def saying(status: int, body: object, **headers: str) -> Answer:
    return status, {name.replace("_", "-"): value for name, value in headers.items()}, json.dumps(body).encode()


def denied(challenge: str) -> Answer:
    return saying(401, {"errors": [{"message": "authentication required"}]}, www_authenticate=challenge)


TAGS = saying(200, {"tags": ["one"]})


async def tags(url: str, login: Login | None = None) -> list[str]:
    async with Registry.connect(url, "team/app", login, AT_ONCE) as registry:
        return await registry.tags()


async def test_tags_come_page_by_page() -> None:
    def behave(_count: int, _method: str, path: str, _user: str) -> Answer:
        if parse_qs(urlsplit(path).query).get("last"):
            return saying(200, {"tags": ["c"]})
        return saying(200, {"tags": ["a", "b"]}, link='</v2/team/app/tags/list?n=2&last=b>; rel="next"')

    with a_server(behave) as (url, asked):
        assert await tags(url) == ["a", "b", "c"]
    assert asked == ["GET /v2/team/app/tags/list?n=1000", "GET /v2/team/app/tags/list?n=2&last=b"]


@pytest.mark.parametrize("status", [500, 503, 429])
async def test_what_passes_is_waited_for(status: int) -> None:
    with a_server(lambda count, *_: saying(status, {}) if count <= len(AT_ONCE) else TAGS) as (url, asked):
        assert await tags(url) == ["one"]
    assert len(asked) == len(AT_ONCE) + 1


async def test_what_does_not_pass_is_told() -> None:
    with (
        a_server(lambda *_: saying(503, {"errors": [{"message": "in maintenance"}]})) as (url, _),
        pytest.raises(UnreachableError, match=r"team/app: the registry does not answer \(503 in maintenance\)"),
    ):
        await tags(url)


async def test_a_registry_that_is_down() -> None:
    with a_server(lambda *_: TAGS) as (url, _):
        pass
    with pytest.raises(UnreachableError, match="is it running, and is this its address"):
        await tags(url)


async def test_what_is_no_registry() -> None:
    with (
        a_server(lambda *_: (200, {}, b"<html>welcome")) as (url, _),
        pytest.raises(RegistryError, match="is this a registry"),
    ):
        await tags(url)


async def test_a_repository_that_is_not_there_yet_has_no_tags() -> None:
    with a_server(lambda *_: saying(404, {"errors": [{"message": "repository name not known"}]})) as (url, _):
        assert await tags(url) == []


async def test_a_name_and_a_password_are_given_where_they_are_asked_for() -> None:
    expected = f"Basic {base64.b64encode(b'author:right').decode()}"

    def behave(_count: int, _method: str, _path: str, user: str) -> Answer:
        return TAGS if user == expected else denied('Basic realm="registry"')

    with a_server(behave) as (url, asked):
        assert await tags(url, Login("author", "right")) == ["one"]
        assert len(asked) == 2
        with pytest.raises(DeniedError, match=r"401 authentication required.*REGISTRYUSER"):
            await tags(url, Login("author", "wrong"))
        with pytest.raises(DeniedError):
            await tags(url)


async def test_a_token_is_fetched_from_where_the_registry_says() -> None:
    def behave(_count: int, method: str, path: str, user: str) -> Answer:
        if path.startswith("/token"):
            asked = parse_qs(urlsplit(path).query)
            scope = asked["scope"][0].rpartition(":")[2]
            return saying(200, {"token": f"{scope} for {user.partition(' ')[0] or 'anybody'}"})
        wanted = "pull" if method == "GET" else "pull,push"
        if user.removeprefix("Bearer ").partition(" ")[0] == wanted:
            return TAGS if method == "GET" else saying(201, {})
        realm = f'Bearer realm="{server}/token",service="registry",scope="repository:team/app:{wanted}"'
        return denied(realm)

    with a_server(behave) as (server, asked):
        async with Registry.connect(server, "team/app", Login("author", "right"), AT_ONCE) as registry:
            assert await registry.tags() == ["one"]
            assert await registry.tags() == ["one"]
            await registry.put_manifest("two", b"{}")
    tokens = [path for path in asked if "/token" in path]
    assert tokens == [
        f"GET /token?service=registry&scope=repository%3Ateam%2Fapp%3A{scope}" for scope in ("pull", "pull%2Cpush")
    ]


async def test_another_blob_than_the_one_that_was_asked_for() -> None:
    with a_server(lambda *_: (200, {}, b"another")) as (url, _):
        async with Registry.connect(url, "team/app", None, AT_ONCE) as registry:
            with pytest.raises(RegistryError, match="answers with another blob"):
                await registry.blob(digest_of(b"something"))
            assert await registry.blob(digest_of(b"another")) == b"another"


async def test_what_is_not_there_is_missing() -> None:
    with a_server(lambda *_: saying(404, {})) as (url, _):
        async with Registry.connect(url, "team/app", None, AT_ONCE) as registry:
            with pytest.raises(MissingError, match="refuses GET /v2/team/app/manifests/one"):
                await registry.manifest("one")


def test_who_asks_is_told_what_is_wrong(desk: Desk, tmp_path: Path) -> None:
    with a_server(lambda *_: denied('Basic realm="registry"')) as (url, _):
        desk.access = p.Access(url=url)
        assert desk.ask(p.Failed, p.Read, view="history").reason == "denied"
    desk.access = p.Access(user="author", password_file=str(tmp_path / "none"))
    failed = desk.ask(p.Failed, p.Read, view="history")
    assert failed.message == f"{tmp_path}/none: cannot read the registry's password: No such file or directory"


async def test_an_upload_whose_answer_was_lost_came_through() -> None:
    answers = {"POST": saying(202, {}, location="/v2/team/app/blobs/uploads/one"), "HEAD": saying(200, "")}
    puts = iter([saying(500, {}), saying(404, {"errors": [{"message": "blob upload unknown to registry"}]})])
    with a_server(lambda _count, method, *_: answers.get(method) or next(puts)) as (url, asked):
        async with Registry.connect(url, "team/app", None, AT_ONCE) as registry:
            assert await registry.put_blob(b"something") == digest_of(b"something")
    assert [line.partition(" ")[0] for line in asked] == ["POST", "PUT", "PUT", "HEAD"]
