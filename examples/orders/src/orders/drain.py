"""Stop without a failed request: answer requests until the edge has noticed, then stop."""

import asyncio
import signal
import sys
import threading
from socket import socket
from types import FrameType

import uvicorn
from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send


class Drain:
    """Whether this process is on its way out."""

    active = False


class DrainingServer(uvicorn.Server):
    """Stops `seconds` after the first SIGTERM; at once on a second one, on Ctrl-C, and while it is still starting."""

    serving: asyncio.Task[None]

    def __init__(self, config: uvicorn.Config, drain: Drain, seconds: float) -> None:
        super().__init__(config)
        self.drain = drain
        self.timer = threading.Timer(seconds, self.stop)
        self.timer.daemon = True

    async def serve(self, sockets: list[socket] | None = None) -> None:
        self.serving = asyncio.create_task(super().serve(sockets))
        try:
            await self.serving
        except asyncio.CancelledError:
            sys.exit(0)

    def stop(self) -> None:
        self.should_exit = True

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        if not self.started:
            # Not an exception: it would be raised in whatever runs just now, and uvicorn lets none out of a lifespan.
            self.serving.get_loop().call_soon_threadsafe(self.serving.cancel)
        elif sig == signal.SIGTERM and not self.drain.active:
            self.drain.active = True
            self.timer.start()
        else:
            super().handle_exit(sig, frame)


class CloseWhileDraining:
    """Ends each kept-alive connection with an answer, so that none is cut while the next request is under way."""

    def __init__(self, app: ASGIApp, drain: Drain) -> None:
        self.app = app
        self.drain = drain

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def close(message: Message) -> None:
            if message["type"] == "http.response.start" and self.drain.active:
                MutableHeaders(scope=message)["connection"] = "close"
            await send(message)

        await self.app(scope, receive, close)
