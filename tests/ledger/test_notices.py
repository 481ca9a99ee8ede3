"""A real web server is told how deploys end."""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from ci.ledger import protocol as p
from tests.ledger.desk import Desk


class Chat(ThreadingHTTPServer):
    """Keeps what it is told, or refuses it."""

    # A client's idle connection does not keep it.
    block_on_close = False

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Hook)
        self.heard: list[dict[str, str]] = []
        self.status = 200
        self.address = f"http://127.0.0.1:{self.server_port}/hooks/s3cret"


class Hook(BaseHTTPRequestHandler):
    server: Chat

    def do_POST(self) -> None:
        self.server.heard.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
        self.send_response(self.server.status)
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's name
        """Say nothing."""


@pytest.fixture
def chat() -> Iterator[Chat]:
    with Chat() as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def deployed(desk: Desk, *addresses: str) -> p.Recorded:
    environment = desk.settings.environment("dev").model_copy(update={"tell": addresses})
    environments = {**desk.settings.environments, "dev": environment}
    desk.settings = desk.settings.model_copy(update={"environments": environments})
    desk.build()
    return desk.deploy("dev", "1.0", "author", address="http://localhost:8080")


def test_people_are_told_how_a_deploy_ended(desk: Desk, chat: Chat) -> None:
    assert deployed(desk, chat.address).message.endswith("deployed to dev by author")
    (heard,) = chat.heard
    assert heard["text"].endswith("deployed to dev by author")
    assert (heard["environment"], heard["version"], heard["outcome"]) == ("dev", "1.0", "success")


def test_who_cannot_be_told_fails_nothing_and_is_no_secret(desk: Desk, chat: Chat) -> None:
    chat.status = 500
    message = deployed(desk, chat.address, "http://127.0.0.1:9/hooks/s3cret").message
    assert "127.0.0.1 could not be told: HTTP 500" in message
    assert "127.0.0.1 could not be told: ConnectError" in message
    assert "s3cret" not in message
