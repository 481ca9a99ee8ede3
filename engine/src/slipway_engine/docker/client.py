"""The Docker Engine API, as far as the engine uses it; the one place where Docker's errors become ours."""

import asyncio
import base64
import contextlib
import io
import json
import os
from collections.abc import AsyncIterable, AsyncIterator
from dataclasses import dataclass
from typing import Any

import aiodocker
import aiohttp

from slipway_engine.docker.advice import add_advice, unreachable_message
from slipway_engine.errors import DockerError, EngineError

Json = dict[str, Any]
Body = bytes | AsyncIterable[bytes]

CHUNK = 1 << 18
OK = range(200, 400)
COUNT_TRIES, COUNT_PAUSE = 60, 1.0  # seconds


@dataclass(frozen=True)
class Stat:
    """A path in a container. `mode` is a Go FileMode; `link` the absolute path that a symbolic link leads to."""

    path: str
    size: int
    mode: int
    link: str

    @property
    def is_folder(self) -> bool:
        """Return whether it is a folder."""
        return bool(self.mode & 1 << 31)

    @property
    def permissions(self) -> int:
        """The permission bits, with setuid, setgid and sticky where Unix has them."""
        special = (bool(self.mode & 1 << bit) for bit in (23, 22, 20))
        return (self.mode & 0o777) | sum(flag << shift for flag, shift in zip(special, (11, 10, 9), strict=True))


class Docker:
    """A connection to the daemon that DOCKER_HOST or the current docker context names."""

    def __init__(self, host: str = "") -> None:
        """Connect at the first request; `host` is what DOCKER_HOST says."""
        self._host = host
        self._client: aiodocker.Docker | None = None

    async def close(self) -> None:
        """Close the connection."""
        if self._client:
            await self._client.close()

    async def call(self, method: str, path: str, body: Json | None = None, /, **params: Any) -> Any:
        """Send one request and return its JSON answer (nothing when it is empty)."""
        async with self.request(method, path, json_body=body, **params) as response:
            text = await response.read()
            return json.loads(text) if text.strip() else None

    @contextlib.asynccontextmanager
    async def request(
        self,
        method: str,
        path: str,
        /,
        *,
        json_body: Json | None = None,
        data: Body | None = None,
        headers: dict[str, str] | None = None,
        **params: Any,
    ) -> AsyncIterator[aiohttp.ClientResponse]:
        """Send one request whose answer is read as it comes; an error status raises DockerError."""
        client = self._connect()
        head = dict(headers or {})
        if data is not None:
            head.setdefault("Content-Type", "application/x-tar")
        query = {name: _text(value) for name, value in params.items() if value is not None}
        try:
            async with client.session.request(
                method,
                f"{client.docker_host}/{path}",
                json=json_body,
                data=io.BytesIO(data) if isinstance(data, bytes) else data,
                headers=head,
                params=query,
                timeout=aiohttp.ClientTimeout(total=None, sock_connect=10),
            ) as response:
                if response.status not in OK:
                    raise DockerError(add_advice(_message(await response.text())), response.status)
                yield response
        except aiohttp.ClientConnectionError as error:
            # What was being sent may have failed, and not the sending.
            if isinstance(error.__cause__, EngineError):
                raise error.__cause__ from None
            raise DockerError(unreachable_message(error, self._host)) from error

    async def progress(self, method: str, path: str, /, **options: Any) -> AsyncIterator[Json]:
        """Send a request that answers with lines of JSON, such as a build; a line with an error raises DockerError."""
        async with self.request(method, path, **options) as response:
            buffer = b""
            async for chunk in response.content.iter_chunked(CHUNK):
                *lines, buffer = (buffer + chunk).split(b"\n")
                for line in filter(bytes.strip, lines):
                    yield _check(json.loads(line))
            if buffer.strip():
                yield _check(json.loads(buffer))

    async def create(self, config: Json) -> str:
        """Create a container and return its ID."""
        answer = await self.call("POST", "containers/create", config)
        return str(answer["Id"])

    async def start(self, container: str) -> None:
        """Start a container."""
        await self.call("POST", f"containers/{container}/start")

    async def wait(self, container: str) -> int:
        """Wait for a container's end and return its exit code."""
        answer = await self.call("POST", f"containers/{container}/wait")
        return int(answer["StatusCode"])

    async def remove(self, container: str) -> None:
        """Remove a container, running or not, with its anonymous volumes; one that is gone is no error."""
        with contextlib.suppress(DockerError):
            await self.call("DELETE", f"containers/{container}", force=True, v=True)

    async def inspect(self, container: str) -> Json:
        """Return what Docker knows of a container."""
        answer: Json = await self.call("GET", f"containers/{container}/json")
        return answer

    async def image(self, reference: str) -> Json | None:
        """Return what Docker knows of an image, or nothing when it is not here."""
        try:
            answer: Json = await self.call("GET", f"images/{reference}/json")
        except DockerError as error:
            if error.is_missing:
                return None
            raise
        return answer

    async def commit(self, container: str, labels: dict[str, str]) -> str:
        """Make an image of a container's file system and return its ID."""
        changes = [f"LABEL {name}={json.dumps(value)}" for name, value in labels.items()]
        answer = await self.call(
            "POST", "commit", {}, container=container, pause=False, changes="\n".join(changes) or None
        )
        return str(answer["Id"])

    async def import_image(self, tar: Body, labels: dict[str, str]) -> str:
        """Make an image of one layer from a tar stream and return its ID."""
        changes = [f"LABEL {name}={json.dumps(value)}" for name, value in labels.items()]
        last: Json = {}
        async for line in self.progress("POST", "images/create", data=tar, fromSrc="-", changes="\n".join(changes)):
            last = line
        return str(last["status"])

    async def remove_image(self, image: str, *, keep_parents: bool = False) -> list[str]:
        """Remove an image, with those below it that nothing else needs, and return what went.

        An image that is gone or in use is no error.
        """
        try:
            answer = await self.call("DELETE", f"images/{image}", force=False, noprune=keep_parents)
        except DockerError:
            return []
        return [entry["Deleted"] for entry in answer or [] if "Deleted" in entry]

    async def put(self, container: str, path: str, tar: Body) -> None:
        """Unpack a tar stream into a container's folder, keeping owners, modes and times."""
        async with self.request("PUT", f"containers/{container}/archive", data=tar, path=path):
            pass

    @contextlib.asynccontextmanager
    async def get(self, container: str, path: str) -> AsyncIterator[AsyncIterator[bytes]]:
        """Read a path of a container as a tar stream."""
        async with self.request("GET", f"containers/{container}/archive", path=path) as response:
            yield response.content.iter_chunked(CHUNK)

    async def stat(self, container: str, path: str, *, follow: bool = False) -> "Stat | None":
        """Describe a path of a container, or return nothing when it is not there."""
        try:
            async with self.request("HEAD", f"containers/{container}/archive", path=path) as response:
                found = json.loads(base64.b64decode(response.headers["X-Docker-Container-Path-Stat"]))
        except DockerError as error:
            if error.is_missing:
                return None
            raise
        stat = Stat(path, found["size"], found["mode"], found["linkTarget"])
        return await self.stat(container, stat.link, follow=True) if follow and stat.link else stat

    async def create_volume(self, name: str, labels: dict[str, str]) -> None:
        """Create a volume; one that exists is no error."""
        await self.call("POST", "volumes/create", {"Name": name, "Labels": labels})

    async def volume_exists(self, name: str) -> bool:
        """Return whether a volume is there."""
        try:
            await self.call("GET", f"volumes/{name}")
        except DockerError as error:
            if error.is_missing:
                return False
            raise
        return True

    async def remove_volume(self, name: str) -> bool:
        """Remove a volume and return whether it went; one that is gone or in use is no error."""
        try:
            await self.call("DELETE", f"volumes/{name}")
        except DockerError:
            return False
        return True

    async def volume_sizes(self) -> dict[str, int]:
        """Return the bytes in each volume, by its name; Docker takes seconds to count them.

        Docker counts for one client at a time, and gives up where something goes meanwhile: then it is asked again, and
        at last nothing is known.
        """
        for _ in range(COUNT_TRIES):
            try:
                volumes = (await self.call("GET", "system/df", type="volume"))["Volumes"] or []
            except DockerError as error:
                if error.status is None:
                    raise
                await asyncio.sleep(COUNT_PAUSE)
            else:
                return {v["Name"]: max(0, (v.get("UsageData") or {"Size": 0})["Size"]) for v in volumes}
        return {}

    async def list(self, what: str, label: str, **params: Any) -> list[Json]:
        """List containers, images or volumes that bear a label."""
        answer = await self.call(
            "GET", f"{what}/json" if what != "volumes" else what, filters={"label": [label]}, **params
        )
        found: list[Json] = answer["Volumes"] or [] if what == "volumes" else answer
        return found

    async def image_sizes(self) -> dict[str, int]:
        """Return the bytes of each image with those below it, by its ID."""
        return {image["Id"]: image["Size"] for image in await self.call("GET", "images/json", all=True)}

    def _connect(self) -> aiodocker.Docker:
        if self._client is None:
            if not os.environ.get("DOCKER_HOST", "set"):
                del os.environ["DOCKER_HOST"]  # for aiodocker, an empty variable would be a daemon's address
            try:
                self._client = aiodocker.Docker(self._host or None)
            # aiodocker asserts that it found a socket; it reads Docker's own files and certificates, and imports ssh.
            except (ValueError, AssertionError, AttributeError, TypeError, OSError, ImportError) as error:
                raise DockerError(f"no Docker daemon was found ({error}): start it (`make setup` does)") from error
            except aiodocker.DockerError as error:
                raise DockerError(f"Docker's own settings cannot be read: {error}: correct ~/.docker") from error
        return self._client


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return value if isinstance(value, str) else json.dumps(value)


def _message(text: str) -> str:
    try:
        return str(json.loads(text)["message"])
    except (ValueError, KeyError, TypeError):
        return text.strip()


def _check(line: Json) -> Json:
    if "error" in line:
        raise DockerError(add_advice(str(line["error"])))
    return line
