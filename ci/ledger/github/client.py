"""GitHub's API: pages, rate limits and translated errors. The only place that sends requests to GitHub.

https://docs.github.com/en/rest/using-the-rest-api/best-practices-for-using-the-rest-api
"""

import asyncio
import functools
import ssl
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import httpx

from ci.ledger.github.errors import (
    GithubDeniedError,
    GithubError,
    GithubMissingError,
    GithubUnreachableError,
    RateLimitedError,
)

HEADERS = {"Accept": "application/vnd.github+json", "X-GitHub-Api-Version": "2022-11-28", "User-Agent": "slipway"}
TOO_MANY, SERVER_ERROR, UNAUTHORIZED, FORBIDDEN, NOT_FOUND = 429, 500, 401, 403, 404
# No answer has more pages than this: a server that sends them sends the same ones again.
MOST_PAGES = 50
# The wait after a rate limit without a time: "at least one minute" by GitHub's documentation.
DEFAULT_WAIT = 60.0
ADVICE = "give a token with the permission (GITHUBTOKEN in .env, or `permissions` in the workflow; see docs/github.md)"


@dataclass(frozen=True)
class Patience:
    """How long to wait for GitHub, in seconds."""

    # Before each further attempt.
    pauses: Sequence[float] = (0.5, 2.0, 6.0)
    # The longest wait for a rate limit; a longer one is an error.
    longest: float = 90.0


class Github:
    """A connection to the API."""

    def __init__(self, client: httpx.AsyncClient, patience: Patience) -> None:
        """Use a client whose base URL is the API."""
        self._client = client
        self._patience = patience

    @classmethod
    @asynccontextmanager
    async def connect(cls, api: str, token: str, patience: Patience | None = None) -> AsyncIterator["Github"]:
        """Connect to an API by its address, like https://api.github.com."""
        headers = HEADERS | {"Authorization": f"Bearer {token}"}
        async with httpx.AsyncClient(
            base_url=api, headers=headers, verify=_trusted(), timeout=30, follow_redirects=True
        ) as client:
            yield cls(client, patience or Patience())

    async def get(self, path: str) -> Any:  # noqa: ANN401 - JSON is anything
        """Return the content at a path.

        Raises:
            GithubMissingError: There is none.
        """
        return _json(await self._send("GET", path))

    async def pages(self, path: str, key: str = "") -> list[Any]:
        """Return all items of a list with several pages; `key` is the list's key in each page.

        Raises:
            GithubMissingError: There is none.
        """
        found: list[Any] = []
        url = f"{path}?per_page=100"
        for _ in range(MOST_PAGES):
            answer = await self._send("GET", url)
            content = _json(answer)
            items = content.get(key) if key and isinstance(content, dict) else content
            if not isinstance(items, list):
                raise GithubError(f"{self.where}{path}: the answer is not a list")
            found += items
            following = answer.links.get("next", {}).get("url", "")
            if not following:
                return found
            url = self._own(answer.url.join(following))
        raise GithubError(f"{self.where}{path}: has more than {MOST_PAGES} pages: is this GitHub?")

    async def put(self, path: str, body: object) -> None:
        """Create or replace the content at a path."""
        await self._send("PUT", path, json=body)

    async def post(self, path: str, body: object) -> None:
        """Add an item; sent once only, because a failed request may have succeeded."""
        await self._send("POST", path, json=body)

    async def delete(self, path: str) -> None:
        """Delete the content at a path."""
        await self._send("DELETE", path)

    @property
    def where(self) -> str:
        """The API's address in errors."""
        return str(self._client.base_url).rstrip("/")

    def _own(self, url: httpx.URL) -> str:
        # The token goes with the request for the next page.
        if (url.scheme, url.netloc) != (self._client.base_url.scheme, self._client.base_url.netloc):
            raise GithubError(f"{self.where}: the next page is on another host, {url.host}: is this GitHub?")
        return str(url)

    async def _send(self, method: str, url: str, **options: Any) -> httpx.Response:  # noqa: ANN401 - httpx's own
        for pause in [*(self._patience.pauses if method != "POST" else ()), None]:
            try:
                answer = await self._client.request(method, url, **options)
            except httpx.TransportError as error:
                trouble, wait = str(error) or type(error).__name__, pause
            else:
                limit = read_rate_limit(answer, time.time())
                if limit is None and answer.status_code < SERVER_ERROR and _is_whole(answer):
                    self._raise_for_status(answer)
                    return answer
                if limit is not None and (limit > self._patience.longest or pause is None):
                    raise self._limited(limit, answer)
                trouble, wait = f"{answer.status_code} {_error_message(answer)}", pause if limit is None else limit
            if pause is None or wait is None:
                raise GithubUnreachableError(f"{self.where}: GitHub does not answer ({trouble}): try again later")
            await asyncio.sleep(wait)
        raise AssertionError("unreachable")

    def _limited(self, seconds: float, answer: httpx.Response) -> RateLimitedError:
        until = datetime.fromtimestamp(time.time() + seconds, UTC)
        status = f"{answer.status_code} {_error_message(answer)}"
        what = f"GitHub accepts no more requests until {until:%H:%M:%S} UTC ({status})"
        return RateLimitedError(f"{self.where}: {what}: try again then")

    def _raise_for_status(self, answer: httpx.Response) -> None:
        if not answer.is_error:
            return
        request, status = answer.request, answer.status_code
        what = f"{self.where}: GitHub refuses {request.method} {request.url.path} ({status} {_error_message(answer)})"
        if status == UNAUTHORIZED:
            raise GithubDeniedError(f"{what}: the token is not valid: {ADVICE}")
        if status == FORBIDDEN:
            raise GithubDeniedError(f"{what}: the token lacks the permission: {ADVICE}")
        if status == NOT_FOUND:
            advice = "is github.repository in pipeline.toml right, and does the token see it?"
            raise GithubMissingError(f"{what}: {advice}")
        raise GithubError(what)


def read_rate_limit(answer: httpx.Response, now: float) -> float | None:
    """Return the seconds until the rate limit ends; None: there is no rate limit."""
    if answer.status_code not in {FORBIDDEN, TOO_MANY}:
        return None
    if after := answer.headers.get("retry-after", ""):
        return float(after) if after.isdigit() else DEFAULT_WAIT
    if answer.headers.get("x-ratelimit-remaining") == "0":
        reset = answer.headers.get("x-ratelimit-reset", "")
        return max(0.0, float(reset) - now) if reset.isdigit() else DEFAULT_WAIT
    return DEFAULT_WAIT if answer.status_code == TOO_MANY else None


@functools.cache
def _trusted() -> ssl.SSLContext:
    # The system's CAs, to which companies add their own; loading them takes longer than a request.
    return ssl.create_default_context()


def _is_whole(answer: httpx.Response) -> bool:
    """Return whether an answer is complete JSON; a proxy or a fault may cut it."""
    try:
        _json(answer)
    except ValueError:
        return answer.is_error
    return True


def _json(answer: httpx.Response) -> Any:  # noqa: ANN401 - JSON is anything
    return answer.json() if answer.content else None


def _error_message(answer: httpx.Response) -> str:
    try:
        return str(answer.json()["message"])
    except (ValueError, KeyError, TypeError):
        return answer.text[:200] or answer.reason_phrase
