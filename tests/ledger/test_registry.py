"""A registry that misbehaves, logs in, or is missing: a small real server."""

import base64
import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

from ci.ledger.errors import DeniedError, InvalidError, MissingError, RegistryError, UnreachableError
from ci.ledger.store.connection import RegistryAccess
from ci.ledger.store.login import Login, read_login
from ci.ledger.store.registry import LONGEST_WAIT, Registry, digest_of, retry_after
from tests.ledger.workspace import Workspace

Answer = tuple[int, dict[str, str], bytes]
# What the server does with the number of a request, its method, its path and its Authorization.
Behaviour = Callable[[int, str, str, str], Answer]
AT_ONCE = (0.0, 0.0)


@contextmanager
def a_server(behave: Behaviour) -> Iterator[tuple[str, list[str]]]:
    """Serve; returns the address and the list of requests."""
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
            """Log nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}", asked
        finally:
            server.shutdown()
            thread.join()


def respond(status: int, body: object, **headers: str) -> Answer:
    return status, {name.replace("_", "-"): value for name, value in headers.items()}, json.dumps(body).encode()


def denied(challenge: str) -> Answer:
    return respond(401, {"errors": [{"message": "authentication required"}]}, www_authenticate=challenge)


TAGS = respond(200, {"tags": ["one"]})


async def tags(url: str, login: Login | None = None) -> list[str]:
    async with Registry.connect(url, "team/app", login, AT_ONCE) as registry:
        return await registry.tags()


async def test_tags_of_all_pages_are_read() -> None:
    def behave(_count: int, _method: str, path: str, _user: str) -> Answer:
        if parse_qs(urlsplit(path).query).get("last"):
            return respond(200, {"tags": ["c"]})
        return respond(200, {"tags": ["a", "b"]}, link='</v2/team/app/tags/list?n=2&last=b>; rel="next"')

    with a_server(behave) as (url, asked):
        assert await tags(url) == ["a", "b", "c"]
    assert asked == ["GET /v2/team/app/tags/list?n=1000", "GET /v2/team/app/tags/list?n=2&last=b"]


@pytest.mark.parametrize("status", [500, 503, 429])
async def test_passing_server_error_is_retried(status: int) -> None:
    with a_server(lambda count, *_: respond(status, {}) if count <= len(AT_ONCE) else TAGS) as (url, asked):
        assert await tags(url) == ["one"]
    assert len(asked) == len(AT_ONCE) + 1


async def test_lasting_server_error_is_reported() -> None:
    with (
        a_server(lambda *_: respond(503, {"errors": [{"message": "in maintenance"}]})) as (url, _),
        pytest.raises(UnreachableError, match=r"team/app: the registry does not answer \(503 in maintenance\)"),
    ):
        await tags(url)


async def test_registry_that_is_down_is_unreachable() -> None:
    with a_server(lambda *_: TAGS) as (url, _):
        pass
    with pytest.raises(UnreachableError, match="is it running, and is this its address"):
        await tags(url)


async def test_answer_of_another_server_is_an_error() -> None:
    with (
        a_server(lambda *_: (200, {}, b"<html>welcome")) as (url, _),
        pytest.raises(RegistryError, match="is this a registry"),
    ):
        await tags(url)


async def test_missing_repository_has_no_tags() -> None:
    with a_server(lambda *_: respond(404, {"errors": [{"message": "repository name not known"}]})) as (url, _):
        assert await tags(url) == []


async def test_missing_repository_is_told_from_an_empty_one() -> None:
    empty = respond(200, {"name": "team/app", "tags": None})
    missing = respond(404, {"errors": [{"code": "NAME_UNKNOWN", "message": "repository name not known"}]})
    for answer, exists in ((empty, True), (missing, False), (TAGS, True)):
        with a_server(lambda *_, answer=answer: answer) as (url, _):
            async with Registry.connect(url, "team/app", None, AT_ONCE) as registry:
                await registry.tags()
                assert registry.exists == exists


async def test_missing_page_of_a_server_that_is_no_registry_is_an_error() -> None:
    with (
        a_server(lambda *_: (404, {"content-type": "text/html"}, b"<html>no such page")) as (url, _),
        pytest.raises(RegistryError, match="is this a registry"),
    ):
        await tags(url)


def test_misspelt_repository_does_not_look_like_a_fresh_start(workspace: Workspace) -> None:
    repository = workspace.settings.registry.repository
    works: list[Callable[[], object]] = [
        lambda: workspace.run(lambda ledger: ledger.read_existing()),
        lambda: workspace.check("lead", "dev"),
        lambda: workspace.approve("lead", "acceptance"),
        lambda: workspace.deny("lead", "acceptance", "a doubt"),
    ]
    for work in works:
        with pytest.raises(MissingError, match=f"^{repository}: the registry has no such repository: "):
            work()
    # The first build makes the repository.
    workspace.build()
    assert len(workspace.run(lambda ledger: ledger.read_existing()).entries) == 1


async def test_login_answers_a_basic_challenge() -> None:
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


async def test_login_fetches_a_token_from_the_challenges_realm() -> None:
    def behave(_count: int, method: str, path: str, user: str) -> Answer:
        if path.startswith("/token"):
            asked = parse_qs(urlsplit(path).query)
            scope = asked["scope"][0].rpartition(":")[2]
            return respond(200, {"token": f"{scope} for {user.partition(' ')[0] or 'anybody'}"})
        wanted = "pull" if method == "GET" else "pull,push"
        if user.removeprefix("Bearer ").partition(" ")[0] == wanted:
            return TAGS if method == "GET" else respond(201, {})
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


async def test_blob_with_another_digest_is_an_error() -> None:
    with a_server(lambda *_: (200, {}, b"another")) as (url, _):
        async with Registry.connect(url, "team/app", None, AT_ONCE) as registry:
            with pytest.raises(RegistryError, match="sent another blob"):
                await registry.blob(digest_of(b"something"))
            assert await registry.blob(digest_of(b"another")) == b"another"


async def test_huge_blob_is_not_read_to_its_end() -> None:
    huge, sent = 600 << 20, 0

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            nonlocal sent
            self.send_response(200)
            self.send_header("content-length", str(huge))
            self.end_headers()
            with suppress(OSError):
                while sent < huge:
                    sent += self.wfile.write(bytes(1 << 20))

        def log_message(self, *_: object) -> None:
            """Log nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            async with Registry.connect(f"http://127.0.0.1:{server.server_port}", "team/app", None, AT_ONCE) as found:
                with pytest.raises(RegistryError, match="the answer has more than 16 MiB: this is no record"):
                    await found.blob(digest_of(b"something"))
        finally:
            server.shutdown()
            thread.join()
    # What the sockets of both sides hold comes on top.
    assert sent < 64 << 20


async def test_missing_manifest_is_an_error() -> None:
    with a_server(lambda *_: respond(404, {})) as (url, _):
        async with Registry.connect(url, "team/app", None, AT_ONCE) as registry:
            with pytest.raises(MissingError, match="refuses GET /v2/team/app/manifests/one"):
                await registry.manifest("one")


def test_login_errors_name_the_cause(workspace: Workspace, tmp_path: Path) -> None:
    with a_server(lambda *_: denied('Basic realm="registry"')) as (url, _):
        workspace.access = RegistryAccess(url=url)
        with pytest.raises(DeniedError, match="the registry does not accept the login"):
            workspace.read()
    workspace.access = RegistryAccess(user="author", password_file=str(tmp_path / "none"))
    with pytest.raises(DeniedError, match=f"^{tmp_path}/none: cannot read the registry's password: No such file"):
        workspace.read()


@pytest.mark.parametrize(
    ("user", "password", "why"),
    [
        ("robot", None, "the registry's user robot has no password: give --registry-user and --registry-password"),
        ("", "hidden", "the registry's password has no user: give --registry-user and --registry-password"),
        ("robot", "\n", "the password of the registry's user robot is empty: give --registry-user and"),
    ],
)
def test_half_of_a_login_is_named(tmp_path: Path, user: str, password: str | None, why: str) -> None:
    file = tmp_path / "password"
    if password is not None:
        file.write_text(password)
    with pytest.raises(DeniedError, match=why):
        read_login(user, str(file) if password is not None else "")


async def test_upload_whose_answer_was_lost_is_complete() -> None:
    answers = {"POST": respond(202, {}, location="/v2/team/app/blobs/uploads/one"), "HEAD": respond(200, "")}
    puts = iter([respond(500, {}), respond(404, {"errors": [{"message": "blob upload unknown to registry"}]})])
    with a_server(lambda _count, method, *_: answers.get(method) or next(puts)) as (url, asked):
        async with Registry.connect(url, "team/app", None, AT_ONCE) as registry:
            assert await registry.put_blob(b"something") == digest_of(b"something")
    assert [line.partition(" ")[0] for line in asked] == ["POST", "PUT", "PUT", "HEAD"]


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("7", 7),
        ("86400", LONGEST_WAIT),
        ("Wed, 01 Jan 2020 00:00:00 GMT", 0),
        ("Fri, 01 Jan 2100 00:00:00 GMT", LONGEST_WAIT),
        ("soon", 0),
        ("-1", 0),
        ("", 0),
    ],
)
def test_a_registry_may_ask_for_a_pause(header: str, seconds: float) -> None:
    assert retry_after(httpx.Response(429, headers={"retry-after": header})) == seconds


async def test_a_refusal_holds_the_registry_s_own_detail() -> None:
    detail = {"reason": "unknown media type: application/x"}
    error = {"code": "MANIFEST_INVALID", "message": "manifest invalid", "detail": detail}

    def behave(_: int, method: str, __: str, ___: str) -> Answer:
        return respond(400 if method == "PUT" else 404, {"errors": [error]})

    with a_server(behave) as (url, _):
        async with Registry.connect(url, "app", pauses=AT_ONCE) as registry:
            with pytest.raises(
                InvalidError, match=r"manifest invalid: \{\"reason\": \"unknown media type: application/x"
            ):
                await registry.put_manifest("tag", b"{}")
