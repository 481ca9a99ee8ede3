"""Logging in to a registry as it asks for it: Basic, or a token from where its challenge says."""

import re
from collections.abc import Generator
from pathlib import Path

import httpx

from ci.ledger.errors import DeniedError

UNAUTHORIZED = 401
PARAMETER = re.compile(r'(\w+)="([^"]*)"')


class Login(httpx.Auth):
    """Answers the registry's challenge, and keeps the answer for the requests that follow."""

    requires_response_body = True

    def __init__(self, user: str = "", password: str = "") -> None:
        """Log in as somebody; without a user, as anybody."""
        self._basic = httpx.BasicAuth(user, password) if user else None
        self._header = ""

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        """Send a request, and once more with what the registry asks for."""
        if self._header:
            request.headers["Authorization"] = self._header
        answer = yield request
        challenge = answer.headers.get("www-authenticate", "")
        if answer.status_code != UNAUTHORIZED or not challenge:
            return
        if challenge.lower().startswith("bearer"):
            self._header = self._bearer((yield self._token_request(challenge)))
        elif self._basic:
            self._header = self._signed(request).headers["Authorization"]
        if self._header:
            request.headers["Authorization"] = self._header
            yield request

    def _token_request(self, challenge: str) -> httpx.Request:
        asked = dict(PARAMETER.findall(challenge))
        wanted = {name: asked[name] for name in ("service", "scope") if name in asked}
        request = httpx.Request("GET", httpx.URL(asked.get("realm", "")).copy_merge_params(wanted))
        return self._signed(request) if self._basic else request

    def _signed(self, request: httpx.Request) -> httpx.Request:
        return next(self._basic.auth_flow(request)) if self._basic else request

    def _bearer(self, answer: httpx.Response) -> str:
        if answer.is_error:
            return ""
        said = answer.json()
        return f"Bearer {said.get('token') or said.get('access_token')}"


def login(user: str, password_file: str) -> Login:
    """Return the login of a user whose password is in a file.

    Raises:
        DeniedError: The file cannot be read.
    """
    if not user:
        return Login()
    try:
        return Login(user, Path(password_file).read_text().strip())
    except OSError as error:
        raise DeniedError(f"{password_file}: cannot read the registry's password: {error.strerror}") from error
