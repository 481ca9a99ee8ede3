"""The login to a registry by its challenge: Basic, or a bearer token from the challenge's realm."""

import re
from collections.abc import Generator
from pathlib import Path

import httpx

from ci.ledger.errors import DeniedError

UNAUTHORIZED = 401
BOTH = (
    "give --registry-user and --registry-password (REGISTRYUSER and REGISTRYPASSWORD in .env), or neither where the "
    "registry needs no login"
)
PARAMETER = re.compile(r'(\w+)="([^"]*)"')


class Login(httpx.Auth):
    """Answers the registry's challenge, and keeps the header for later requests."""

    requires_response_body = True

    def __init__(self, user: str = "", password: str = "") -> None:
        """Log in with a user; without one, anonymously."""
        self._basic = httpx.BasicAuth(user, password) if user else None
        self._header = ""

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        """Send a request; after a challenge, send it once more with the header."""
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
        challenged = dict(PARAMETER.findall(challenge))
        wanted = {name: challenged[name] for name in ("service", "scope") if name in challenged}
        request = httpx.Request("GET", httpx.URL(challenged.get("realm", "")).copy_merge_params(wanted))
        return self._signed(request) if self._basic else request

    def _signed(self, request: httpx.Request) -> httpx.Request:
        return next(self._basic.auth_flow(request)) if self._basic else request

    def _bearer(self, answer: httpx.Response) -> str:
        if answer.is_error:
            return ""
        content = answer.json()
        return f"Bearer {content.get('token') or content.get('access_token')}"


def read_login(user: str, password_file: str) -> Login:
    """Return the login of a user whose password is in a file; without a user, the anonymous login.

    Raises:
        DeniedError: There is a user without a password or a password without a user, or the file cannot be read.
    """
    if not user and not password_file:
        return Login()
    if not password_file:
        raise DeniedError(f"the registry's user {user} has no password: {BOTH}")
    if not user:
        raise DeniedError(f"the registry's password has no user: {BOTH}")
    try:
        password = Path(password_file).read_text().strip()
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "is not text"
        raise DeniedError(f"{password_file}: cannot read the registry's password: {why}") from error
    if not password:
        raise DeniedError(f"the password of the registry's user {user} is empty: {BOTH}")
    return Login(user, password)
