"""GitHub's API, with its pages, its limits and its errors translated: the only place that speaks to GitHub.

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
# More pages than this no answer has; who sends them sends us round in circles.
MOST_PAGES = 50
# What is waited where GitHub says that it is too much, but not for how long: "at least one minute".
UNSAID = 60.0
ADVICE = "give one that may (GITHUBTOKEN in .env, or `permissions` in the workflow; see docs/github.md)"


@dataclass(frozen=True)
class Patience:
    """How long GitHub is waited for, in seconds."""

    # Before each further attempt.
    pauses: Sequence[float] = (0.5, 2.0, 6.0)
    # The longest that a rate limit may ask for; what takes longer is told instead.
    longest: float = 90.0


class Github:
    """A connection to the API."""

    def __init__(self, client: httpx.AsyncClient, patience: Patience) -> None:
        """Speak through a client whose base is the API."""
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
        """Return what is at a path.

        Raises:
            GithubMissingError: There is nothing.
        """
        return _json(await self._send("GET", path))

    async def pages(self, path: str, key: str = "") -> list[Any]:
        """Return all items of a list, however many pages it has; `key` says where it is in each.

        Raises:
            GithubMissingError: There is none.
        """
        found: list[Any] = []
        url = f"{path}?per_page=100"
        for _ in range(MOST_PAGES):
            answer = await self._send("GET", url)
            said = _json(answer)
            items = said.get(key) if key and isinstance(said, dict) else said
            if not isinstance(items, list):
                raise GithubError(f"{self.where}{path}: answers with something else than a list")
            found += items
            following = answer.links.get("next", {}).get("url", "")
            if not following:
                return found
            url = self._own(answer.url.join(following))
        raise GithubError(f"{self.where}{path}: has more than {MOST_PAGES} pages: is this GitHub?")

    async def put(self, path: str, body: object) -> None:
        """Put something where it stands, whether or not there is something already."""
        await self._send("PUT", path, json=body)

    async def post(self, path: str, body: object) -> None:
        """Add something; not tried twice, since it may have come through."""
        await self._send("POST", path, json=body)

    async def delete(self, path: str) -> None:
        """Take something away."""
        await self._send("DELETE", path)

    @property
    def where(self) -> str:
        """The API, as errors name it."""
        return str(self._client.base_url).rstrip("/")

    def _own(self, url: httpx.URL) -> str:
        # The token goes wherever the next page is.
        if (url.scheme, url.netloc) != (self._client.base_url.scheme, self._client.base_url.netloc):
            raise GithubError(f"{self.where}: says that its next page is at {url.host}: is this GitHub?")
        return str(url)

    async def _send(self, method: str, url: str, **options: Any) -> httpx.Response:  # noqa: ANN401 - httpx's own
        for pause in [*(self._patience.pauses if method != "POST" else ()), None]:
            try:
                answer = await self._client.request(method, url, **options)
            except httpx.TransportError as error:
                trouble, wait = str(error) or type(error).__name__, pause
            else:
                limit = asked_to_wait(answer, time.time())
                if limit is None and answer.status_code < SERVER_ERROR and _is_whole(answer):
                    self._raise_for_status(answer)
                    return answer
                if limit is not None and (limit > self._patience.longest or pause is None):
                    raise self._limited(limit, answer)
                trouble, wait = f"{answer.status_code} {_said(answer)}", pause if limit is None else limit
            if pause is None or wait is None:
                raise GithubUnreachableError(f"{self.where}: GitHub does not answer ({trouble}): try again later")
            await asyncio.sleep(wait)
        raise AssertionError("unreachable")

    def _limited(self, seconds: float, answer: httpx.Response) -> RateLimitedError:
        until = datetime.fromtimestamp(time.time() + seconds, UTC)
        what = f"GitHub takes no more requests until {until:%H:%M:%S} UTC ({answer.status_code} {_said(answer)})"
        return RateLimitedError(f"{self.where}: {what}: try again then")

    def _raise_for_status(self, answer: httpx.Response) -> None:
        if not answer.is_error:
            return
        request, status = answer.request, answer.status_code
        what = f"{self.where}: GitHub refuses {request.method} {request.url.path} ({status} {_said(answer)})"
        if status == UNAUTHORIZED:
            raise GithubDeniedError(f"{what}: the token is not valid: {ADVICE}")
        if status == FORBIDDEN:
            raise GithubDeniedError(f"{what}: the token may not do that: {ADVICE}")
        if status == NOT_FOUND:
            advice = "is github.repository in pipeline.toml right, and does the token see it?"
            raise GithubMissingError(f"{what}: {advice}")
        raise GithubError(what)


def asked_to_wait(answer: httpx.Response, now: float) -> float | None:
    """Return for how many seconds a rate limit wants us to wait; None: there is none in the way."""
    if answer.status_code not in {FORBIDDEN, TOO_MANY}:
        return None
    if after := answer.headers.get("retry-after", ""):
        return float(after) if after.isdigit() else UNSAID
    if answer.headers.get("x-ratelimit-remaining") == "0":
        reset = answer.headers.get("x-ratelimit-reset", "")
        return max(0.0, float(reset) - now) if reset.isdigit() else UNSAID
    return UNSAID if answer.status_code == TOO_MANY else None


@functools.cache
def _trusted() -> ssl.SSLContext:
    # The system's CAs, which companies add their own to; reading them takes longer than a request.
    return ssl.create_default_context()


def _is_whole(answer: httpx.Response) -> bool:
    """Tell whether an answer's text is what it says to be; half of one comes from a proxy or a fault."""
    try:
        _json(answer)
    except ValueError:
        return answer.is_error
    return True


def _json(answer: httpx.Response) -> Any:  # noqa: ANN401 - JSON is anything
    return answer.json() if answer.content else None


def _said(answer: httpx.Response) -> str:
    try:
        return str(answer.json()["message"])
    except (ValueError, KeyError, TypeError):
        return answer.text[:200] or answer.reason_phrase
