"""The API over HTTP, as a Dagger session offers it: one path, basic authentication by a session token."""

import asyncio
import base64
import contextlib
import socket
from collections.abc import AsyncIterator, Coroutine, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

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


@contextlib.asynccontextmanager
async def listen(engine: Engine) -> AsyncIterator[Endpoint]:
    """Serve an open engine's API on a free loopback port until the block ends."""
    app = Starlette(routes=[Route("/query", _query, methods=["POST"])])
    root = Context(engine)
    clients = app.state.clients = {root.token: root}
    # Named as TCP, or asyncio does not set TCP_NODELAY: each answer then waits 40 ms for the client's acknowledgement.
    sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    sock.bind(("127.0.0.1", 0))
    config = uvicorn.Config(app, log_level="error", lifespan="off", timeout_keep_alive=600, access_log=False)
    server = _Server(config)
    task = asyncio.create_task(server.serve([sock]))
    try:
        while not server.started:
            await asyncio.sleep(0.005)
        yield Endpoint(engine, sock.getsockname()[1], root.token, clients)
    finally:
        server.should_exit = server.force_exit = True
        await task
        sock.close()


class _Server(uvicorn.Server):
    @contextlib.contextmanager
    def capture_signals(self):  # type: ignore[no-untyped-def]  # noqa: ANN202 - uvicorn's own signature
        """Leave the signals to the command: Ctrl-C ends the engine, not only its HTTP server."""
        yield


async def _query(request: Request) -> Response:
    context = _authenticate(request)
    if context is None:
        return JSONResponse({"errors": [{"message": "unknown session token"}]}, status_code=401)
    body = await request.json()
    if "IntrospectionQuery" in (body.get("operationName") or body["query"][:60]):
        return Response(introspection(), media_type="application/json")
    # A connection's task inherits the span in which the server started.
    with context.engine.events.within(context.call.span if context.call else None):
        answer = await _unless_gone(request, run_query(context, body["query"], body.get("variables")))
    return JSONResponse(answer)


async def _unless_gone(request: Request, work: Coroutine[Any, Any, dict[str, Any]]) -> dict[str, Any]:
    """Do the work while the client is connected; after it has gone, as after another call's failure, stop the steps."""

    async def gone() -> None:
        while (await request.receive())["type"] != "http.disconnect":
            pass

    working, leaving = asyncio.create_task(work), asyncio.create_task(gone())
    try:
        await asyncio.wait({working, leaving}, return_when=asyncio.FIRST_COMPLETED)
        return working.result() if working.done() else {}
    finally:
        for task in (working, leaving):
            task.cancel()
        await asyncio.gather(working, leaving, return_exceptions=True)


def _authenticate(request: Request) -> Context | None:
    scheme, _, value = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "basic":
        return None
    token = base64.b64decode(value).decode().partition(":")[0]
    clients: dict[str, Context] = request.app.state.clients
    return clients.get(token)
