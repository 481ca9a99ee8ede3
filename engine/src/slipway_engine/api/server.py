"""The API over HTTP, as a Dagger session offers it: one path, basic authentication by a session token."""

import base64
import contextlib
import socket
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path

from aiohttp import web

from slipway_engine.api.context import Call, Context
from slipway_engine.api.queries import run_query
from slipway_engine.api.schema import introspection
from slipway_engine.engine import Engine


@dataclass(frozen=True)
class Endpoint:
    """Where a client connects: DAGGER_SESSION_PORT and DAGGER_SESSION_TOKEN."""

    engine: Engine
    port: int
    token: str
    clients: dict[str, Context]  # by their tokens

    @property
    def environ(self) -> dict[str, str]:
        """The variables by which dagger-io finds the session."""
        return self._environ(self.token)

    @contextlib.contextmanager
    def admit(self, call: Call) -> Iterator[dict[str, str]]:
        """Let the process of a call be a client while the block runs; the value is the variables for it."""
        context = Context(self.engine, call)
        self.clients[context.token] = context
        try:
            yield self._environ(context.token)
        finally:
            del self.clients[context.token]

    def _environ(self, token: str) -> dict[str, str]:
        return {"DAGGER_SESSION_PORT": str(self.port), "DAGGER_SESSION_TOKEN": token}


@contextlib.asynccontextmanager
async def serve(workdir: Path | None = None) -> AsyncIterator[Endpoint]:
    """Open an engine and serve its API on a free loopback port until the block ends."""
    async with Engine.open(workdir or Path.cwd()) as engine, listen(engine) as endpoint:
        yield endpoint


CLIENTS = web.AppKey("clients", dict[str, Context])
KEEP_ALIVE_SECONDS = 600


@contextlib.asynccontextmanager
async def listen(engine: Engine) -> AsyncIterator[Endpoint]:
    """Serve an open engine's API on a free loopback port until the block ends; then cancel what is not answered."""
    root = Context(engine)
    clients = {root.token: root}
    app = web.Application(client_max_size=0)  # a query may hold a file's contents
    app[CLIENTS] = clients
    app.router.add_post("/query", _query)
    # After another call's failure a client goes away, and the steps that only it waits for stop.
    runner = web.AppRunner(
        app, access_log=None, handler_cancellation=True, keepalive_timeout=KEEP_ALIVE_SECONDS, shutdown_timeout=0
    )
    await runner.setup()
    # Named as TCP, or asyncio does not set TCP_NODELAY: each answer then waits 40 ms for the client's acknowledgement.
    sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    sock.bind(("127.0.0.1", 0))
    try:
        await web.SockSite(runner, sock).start()
        yield Endpoint(engine, sock.getsockname()[1], root.token, clients)
    finally:
        await runner.cleanup()
        sock.close()


async def _query(request: web.Request) -> web.Response:
    context = _authenticate(request)
    if context is None:
        return web.json_response({"errors": [{"message": "unknown session token"}]}, status=401)
    body = await request.json()
    if "IntrospectionQuery" in (body.get("operationName") or body["query"][:60]):
        return web.Response(text=introspection(context.engine.store), content_type="application/json")
    # A connection's task inherits the span in which the server started.
    with context.engine.events.within(context.call.span if context.call else None):
        return web.json_response(await run_query(context, body["query"], body.get("variables")))


def _authenticate(request: web.Request) -> Context | None:
    scheme, _, value = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "basic":
        return None
    token = base64.b64decode(value).decode().partition(":")[0]
    return request.app[CLIENTS].get(token)
