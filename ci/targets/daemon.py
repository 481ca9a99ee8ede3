"""The Docker daemon of a target: the only client of its API, which translates its errors."""

import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

import httpx

from ci.hints import with_hint
from ci.targets.errors import ConflictError, DaemonError, NotFoundError, UnreachableError

# The newest API version that this client uses; an older daemon gets requests in its own version.
NEWEST_API = (1, 47)
# The daemon's JSON, and the options of httpx.
Json = Any
Options = Any
STATUS_ERRORS: Mapping[int, type[DaemonError]] = {404: NotFoundError, 409: ConflictError}


class Daemon:
    """A connection to one daemon."""

    def __init__(self, client: httpx.AsyncClient, where: str) -> None:
        """Use a client whose base URL is the daemon; `where` names the daemon in errors."""
        self._client = client
        self.where = where

    @classmethod
    @asynccontextmanager
    async def connect(cls, socket: str, where: str) -> AsyncIterator["Daemon"]:
        """Connect to a daemon on a unix socket.

        Raises:
            UnreachableError: Nothing answers there.
        """
        # No TLS on a Unix socket: without this, certificates would be loaded first.
        transport = httpx.AsyncHTTPTransport(uds=socket, verify=False)
        async with httpx.AsyncClient(transport=transport, base_url="http://docker", timeout=60) as client:
            daemon = cls(client, where)
            api = (await daemon.send("GET", "/_ping")).headers.get("api-version", "1.41")
            known = min(NEWEST_API, tuple(int(part) for part in api.split(".")))
            client.base_url = f"http://docker/v{known[0]}.{known[1]}"
            yield daemon

    async def get(self, path: str, **params: object) -> Json:
        """Get an object; `filters` is a mapping."""
        return (await self.send("GET", path, params=_encode(params))).json()

    async def post(self, path: str, body: object = None, **params: object) -> Json:
        """Create or change an object, and return the response's JSON."""
        answer = await self.send("POST", path, params=_encode(params), json=body)
        return answer.json() if answer.content else None

    async def delete(self, path: str, **params: object) -> bool:
        """Remove an object; false when it is not there."""
        try:
            await self.send("DELETE", path, params=_encode(params))
        except NotFoundError:
            return False
        return True

    async def send(self, method: str, path: str, **options: Options) -> httpx.Response:
        """Send a request and return its answer, read whole."""
        try:
            answer = await self._client.request(method, path, **options)
        except httpx.TransportError as error:
            raise self._unreachable(error) from error
        _raise_for_status(answer)
        return answer

    @asynccontextmanager
    async def stream(self, method: str, path: str, **options: Options) -> AsyncIterator[httpx.Response]:
        """Send a request and return its answer as it comes."""
        try:
            async with self._client.stream(method, path, timeout=httpx.Timeout(60, read=600), **options) as answer:
                if answer.is_error:
                    await answer.aread()
                _raise_for_status(answer)
                yield answer
        except httpx.TransportError as error:
            raise self._unreachable(error) from error

    async def progress(self, method: str, path: str, **options: Options) -> list[dict[str, Any]]:
        """Send a request whose answer is a stream of progress messages, and return them.

        Raises:
            DaemonError: One of the messages is an error.
        """
        async with self.stream(method, path, **options) as answer:
            messages = [json.loads(line) async for line in answer.aiter_lines() if line.strip()]
        for message in messages:
            if "error" in message:
                raise DaemonError(with_hint(message["error"]))
        return messages

    def _unreachable(self, error: httpx.TransportError) -> UnreachableError:
        detail = str(error) or type(error).__name__
        what = f"{self.where}: no Docker daemon answers ({detail}): is it running, and is this the right target?"
        return UnreachableError(with_hint(what))


def _encode(params: Mapping[str, object]) -> dict[str, Any]:
    return {key: json.dumps(value) if isinstance(value, Mapping) else value for key, value in params.items()}


def _raise_for_status(answer: httpx.Response) -> None:
    if not answer.is_error:
        return
    try:
        message = answer.json()["message"]
    except (ValueError, KeyError):
        message = answer.text
    raise STATUS_ERRORS.get(answer.status_code, DaemonError)(with_hint(message))
