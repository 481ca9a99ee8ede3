"""One repository of an OCI registry: tags, manifests and blobs.

The only place that sends requests to a registry and translates its errors. https://github.com/opencontainers/distribution-spec/blob/v1.1.1/spec.md
"""

import asyncio
import functools
import hashlib
import json
import ssl
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

import httpx

from ci.ledger.errors import DeniedError, InvalidError, MissingError, RegistryError, UnreachableError
from ci.ledger.store.limit import limit_length
from ci.ledger.store.login import Login

MANIFEST = "application/vnd.oci.image.manifest.v1+json"
# Every kind of manifest: a tag may name an image of Docker's, or of several platforms.
MANIFESTS = (
    MANIFEST,
    "application/vnd.oci.image.index.v1+json",
    "application/vnd.docker.distribution.manifest.v2+json",
    "application/vnd.docker.distribution.manifest.list.v2+json",
)
# The pauses before further attempts, in seconds.
PAUSES = (0.2, 1.0, 3.0)
TOO_MANY, SERVER_ERROR, UNAUTHORIZED, FORBIDDEN, NOT_FOUND = 429, 500, 401, 403, 404
# The answer to a manifest that the registry does not take, and two others that mean more than "refused".
STATUS_ERRORS = {400: InvalidError, 415: InvalidError, NOT_FOUND: MissingError}
LONGEST_MESSAGE = 200
# The longest wait that a registry may ask for, in seconds; a longer one ends in an error.
LONGEST_WAIT = 60.0
# Options of httpx.
Options = Any


class Registry:
    """A connection to a repository."""

    def __init__(
        self, client: httpx.AsyncClient, repository: str, pauses: Sequence[float] = PAUSES, host: str = ""
    ) -> None:
        """Use a client whose base URL is the registry; `repository` is without the host."""
        self._client = client
        self._host = host or client.base_url.netloc.decode()
        self._pauses = pauses
        self.repository = repository
        # The registry's clock at its last answer.
        self.time: datetime | None = None
        # Whether the registry had the repository when its tags were read last: some make one with the first push.
        self.exists = True

    @classmethod
    @asynccontextmanager
    async def connect(
        cls,
        url: str,
        repository: str,
        login: Login | None = None,
        pauses: Sequence[float] = PAUSES,
        *,
        ca: str = "",
        host: str = "",
    ) -> AsyncIterator["Registry"]:
        """Connect to a registry by its address, like https://registry.example.com.

        `ca` is PEM, beside the system's CAs; `host` is the registry's public name, where the URL has another.

        Raises:
            RegistryError: `ca` is not a certificate.
        """
        # A compressed answer could be longer than its limit.
        whole: Options = {"headers": {"Accept-Encoding": "identity"}, "event_hooks": {"response": [limit_length]}}
        options: Options = {"verify": _trusted(ca), "timeout": 30, "follow_redirects": True, **whole}
        async with httpx.AsyncClient(base_url=url, auth=login or Login(), **options) as client:
            yield cls(client, repository, pauses, host)

    async def tags(self) -> list[str]:
        """Return every tag; none where the repository does not exist yet, which `exists` tells.

        Raises:
            RegistryError: The answer is not a registry's.
        """
        found: list[str] = []
        self.exists = True
        url = f"{self._path}/tags/list?n=1000"
        while url:
            try:
                answer = await self._send("GET", url)
            except MissingError:
                self.exists = False
                return found
            found += _json(answer, url).get("tags") or []
            following = answer.links.get("next", {}).get("url", "")
            url = str(answer.url.join(following)) if following else ""
        return found

    async def manifest(self, reference: str) -> bytes:
        """Return a manifest's text by tag or digest.

        Raises:
            MissingError: There is none.
        """
        headers = {"Accept": ", ".join(MANIFESTS)}
        return (await self._send("GET", f"{self._path}/manifests/{reference}", headers=headers)).content

    async def digest(self, tag: str) -> str:
        """Return the digest that a tag names; empty: there is no such tag."""
        headers = {"Accept": ", ".join(MANIFESTS)}
        try:
            answer = await self._send("HEAD", f"{self._path}/manifests/{tag}", headers=headers)
            # Not every registry names the digest.
            return answer.headers.get("docker-content-digest") or digest_of(await self.manifest(tag))
        except MissingError:
            return ""

    async def put_manifest(self, reference: str, manifest: bytes) -> None:
        """Store a manifest under a tag, or under its digest alone; one that is stored there already is not sent again.

        Raises:
            InvalidError: The registry does not take such a manifest.
        """
        url = f"{self._path}/manifests/{reference}"
        try:
            await self._send("PUT", url, content=manifest, headers={"Content-Type": MANIFEST})
        except RegistryError:
            # Where tags are immutable, also the second attempt of a push whose answer was lost is refused.
            if await self.digest(reference) != digest_of(manifest):
                raise

    async def blob(self, digest: str) -> bytes:
        """Return a blob, whose digest is checked.

        Raises:
            MissingError: There is none.
        """
        content = (await self._send("GET", f"{self._path}/blobs/{digest}")).content
        if digest_of(content) != digest:
            raise RegistryError(f"{self.where}: the registry sent another blob than {digest}")
        return content

    async def has_blob(self, digest: str) -> bool:
        """Return whether the registry holds a blob."""
        try:
            await self._send("HEAD", f"{self._path}/blobs/{digest}")
        except MissingError:
            return False
        return True

    async def put_blob(self, content: bytes) -> str:
        """Store a blob and return its digest."""
        digest = digest_of(content)
        answer = await self._send("POST", f"{self._path}/blobs/uploads/", headers={"Content-Length": "0"})
        url = answer.url.join(answer.headers["location"]).copy_merge_params({"digest": digest})
        headers = {"Content-Type": "application/octet-stream"}
        try:
            await self._send("PUT", str(url), content=content, headers=headers)
        except MissingError:
            # An upload ends once: an earlier attempt may have succeeded, and its answer may be lost.
            if not await self.has_blob(digest):
                raise
        return digest

    @property
    def _path(self) -> str:
        return f"/v2/{self.repository}"

    @property
    def where(self) -> str:
        """The repository with its host, as errors name it."""
        return f"{self._host}/{self.repository}"

    async def _send(self, method: str, url: str, **options: Options) -> httpx.Response:
        for pause in [*self._pauses, None]:
            requested = 0.0
            try:
                answer = await self._client.request(method, url, **options)
            except httpx.TransportError as error:
                if "CERTIFICATE_VERIFY_FAILED" in str(error):
                    raise UnreachableError(
                        f"{self.where}: the registry's TLS certificate is signed by an unknown CA: is it the right "
                        f"registry, and is its CA among the system's or in [registry] ca? ({error})"
                    ) from error
                if pause is None:
                    raise self._unreachable(str(error) or type(error).__name__) from error
            else:
                if answer.status_code < SERVER_ERROR and answer.status_code != TOO_MANY:
                    self.time = _date(answer) or self.time
                    self._raise_for_status(answer)
                    return answer
                if pause is None:
                    raise self._unreachable(f"{answer.status_code} {_error_message(answer)}")
                requested = retry_after(answer)
            await asyncio.sleep(max(pause, requested))
        raise AssertionError("unreachable")

    def _unreachable(self, detail: str) -> UnreachableError:
        return UnreachableError(
            f"{self.where}: the registry does not answer ({detail}): is it running, and is this its address?"
        )

    def _raise_for_status(self, answer: httpx.Response) -> None:
        if not answer.is_error:
            return
        status = f"{answer.status_code} {_error_message(answer)}"
        if answer.status_code in {UNAUTHORIZED, FORBIDDEN}:
            advice = "give a user with access and the password (REGISTRYUSER and REGISTRYPASSWORD in .env)"
            raise DeniedError(f"{self.where}: the registry does not accept the login ({status}): {advice}")
        kind = STATUS_ERRORS.get(answer.status_code, RegistryError)
        if kind is MissingError and answer.request.method == "GET" and not _is_registrys(answer):
            raise RegistryError(f"{self.where}: {status} is not a registry's answer: is this a registry?")
        raise kind(f"{self.where}: the registry refuses {answer.request.method} {answer.request.url.path} ({status})")


@functools.cache
def _trusted(ca: str) -> ssl.SSLContext:
    # The system's CAs, to which companies add their own; loading them takes longer than a request.
    context = ssl.create_default_context()
    if ca:
        try:
            context.load_verify_locations(cadata=ca)
        except ssl.SSLError as error:
            raise RegistryError(
                f"[registry] ca: is not a certificate in PEM format: {error.reason or error}"
            ) from error
    return context


def digest_of(content: bytes) -> str:
    """Return the digest of a content, `sha256:…`."""
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


def _json(answer: httpx.Response, url: str) -> dict[str, Any]:
    try:
        found = answer.json()
    except ValueError:
        found = None
    if not isinstance(found, dict):
        raise RegistryError(f"{url}: the answer is not a registry's JSON: is this a registry?")
    return found


def _error_message(answer: httpx.Response) -> str:
    try:
        return "; ".join(map(_describe, json.loads(answer.text)["errors"]))
    except (ValueError, KeyError, TypeError):
        return answer.text[:LONGEST_MESSAGE] or answer.reason_phrase


def _describe(error: dict[str, Any]) -> str:
    detail = error.get("detail") or ""
    text = detail if isinstance(detail, str) else json.dumps(detail)
    return f"{error['message']}: {text[:LONGEST_MESSAGE]}" if text else str(error["message"])


def retry_after(answer: httpx.Response) -> float:
    """Return for how many seconds the registry asks clients to wait; 0: it asks for nothing."""
    text = answer.headers.get("retry-after", "")
    try:
        seconds = float(text) if text.isdigit() else (parsedate_to_datetime(text) - datetime.now(UTC)).total_seconds()
    except (ValueError, TypeError):
        return 0.0
    return min(max(seconds, 0.0), LONGEST_WAIT)


def _is_registrys(answer: httpx.Response) -> bool:
    """Return whether an error has a registry's format: another server has no repositories that could be missing."""
    try:
        return isinstance(answer.json(), dict)
    except ValueError:
        return not answer.content


def _date(answer: httpx.Response) -> datetime | None:
    try:
        return parsedate_to_datetime(answer.headers.get("date", "")).astimezone(UTC)
    except ValueError:
        return None
