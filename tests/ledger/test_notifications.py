"""Notifications to a real web server."""

import asyncio
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from ci.ledger.notifications import notify
from tests.ledger.workspace import Workspace


class Chat(ThreadingHTTPServer):
    """Keeps the messages that it gets, and answers with `status`."""

    # An idle connection of a client does not block the server's end.
    block_on_close = False

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Webhook)
        self.messages: list[dict[str, str]] = []
        self.status = 200
        self.address = f"http://127.0.0.1:{self.server_port}/hooks/s3cret"


class Webhook(BaseHTTPRequestHandler):
    server: Chat

    def do_POST(self) -> None:
        self.server.messages.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
        self.send_response(self.server.status)
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's name
        """Log nothing."""


@pytest.fixture
def chat() -> Iterator[Chat]:
    with Chat() as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def deliver_and_notify(workspace: Workspace, *webhooks: str) -> tuple[str, ...]:
    workspace.build()
    end = workspace.deliver("dev", "1.0", "author", address="http://localhost:8080")
    return asyncio.run(notify(webhooks, end))


def test_webhook_gets_the_end_of_a_delivery(workspace: Workspace, chat: Chat) -> None:
    assert deliver_and_notify(workspace, chat.address) == ()
    (message,) = chat.messages
    assert message["text"] == "dev: 1.0 (aaaaaaaaaaaa) deployed to dev by author"
    assert (message["environment"], message["version"], message["outcome"]) == ("dev", "1.0", "succeeded")


def test_failed_webhooks_are_reported_without_their_address(workspace: Workspace, chat: Chat) -> None:
    chat.status = 500
    assert deliver_and_notify(workspace, chat.address, "http://127.0.0.1:9/hooks/s3cret") == (
        "the webhook at 127.0.0.1 failed: HTTP 500",
        "the webhook at 127.0.0.1 failed: ConnectError",
    )
