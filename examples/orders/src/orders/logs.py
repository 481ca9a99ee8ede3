"""What the service logs: never what customers send, neither in a request's line nor in an error."""

import logging
import time

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from orders.settings import LogLevel

log = logging.getLogger("orders.access")


def set_up_logs(level: LogLevel) -> None:
    logging.disable(logging.CRITICAL if level is LogLevel.OFF else logging.NOTSET)
    logging.basicConfig(
        level=logging.CRITICAL if level is LogLevel.OFF else level.upper(),
        format="%(asctime)s %(levelname)s %(name)s %(message)s",
    )


class AccessLog:
    """One line a request, with the route's pattern instead of the path and the query."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        start, status = time.perf_counter(), 500

        async def note_status(message: Message) -> None:
            nonlocal status
            status = message.get("status", status)
            await send(message)

        try:
            await self.app(scope, receive, note_status)
        finally:
            route = getattr(scope.get("route"), "path", "(no route)")
            # What a health check asks every second is of interest only when it fails.
            level = logging.DEBUG if route in {"/healthz", "/livez"} and status < 500 else logging.INFO  # noqa: PLR2004 -- HTTP
            log.log(level, "%s %s %d %.0f ms", scope["method"], route, status, (time.perf_counter() - start) * 1000)
