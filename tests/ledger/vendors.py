"""Registries of several vendors: a real one behind a proxy that answers as theirs do, where their answers are known."""

import socket
import threading
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import httpx
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from ci.ledger.store.registry import digest_of

BEHIND = "http://localhost:5000"
METHODS = ["GET", "HEAD", "PUT", "POST", "PATCH", "DELETE"]
DROPPED = {"content-length", "transfer-encoding", "content-encoding"}
KNOWN_CONFIGS = {
    "application/vnd.docker.container.image.v1+json",
    "application/vnd.oci.image.config.v1+json",
}
KNOWN_LAYERS = {
    "application/vnd.docker.image.rootfs.diff.tar.gzip",
    "application/vnd.oci.image.layer.v1.tar",
    "application/vnd.oci.image.layer.v1.tar+gzip",
}
# Answers a request in the registry's place; None: the registry itself does.
Rule = Callable[["Vendor", Request, bytes], Awaitable[Response | None]]


@dataclass
class Vendor:
    """A proxy, and what it has seen."""

    rules: tuple[Rule, ...]
    requests: list[str] = field(default_factory=list)
    statuses: list[tuple[str, int]] = field(default_factory=list)
    address: str = ""

    async def answer(self, request: Request) -> Response:
        """Answer by the first rule that does, or as the registry behind."""
        line = f"{request.method} {request.url.path}"
        self.requests.append(line)
        response = await self._answer(request, await request.body())
        self.statuses.append((line, response.status_code))
        return response

    async def _answer(self, request: Request, body: bytes) -> Response:
        for rule in self.rules:
            if (response := await rule(self, request, body)) is not None:
                return response
        url = f"{BEHIND}{request.url.path}?{request.url.query}"
        async with httpx.AsyncClient(timeout=60) as client:
            found = await client.request(request.method, url, content=body, headers=request.headers.items())
        headers = {name: value for name, value in found.headers.items() if name not in DROPPED}
        if request.method == "HEAD":
            headers["content-length"] = found.headers.get("content-length", "0")
        return Response(found.content, found.status_code, headers)

    async def stored(self, request: Request) -> str:
        """Return the digest that a manifest's reference names in the registry behind; empty: none."""
        headers = {
            "Accept": "application/vnd.oci.image.manifest.v1+json, application/vnd.docker.distribution.manifest.v2+json"
        }
        async with httpx.AsyncClient() as client:
            found = await client.get(f"{BEHIND}{request.url.path}", headers=headers)
        return digest_of(found.content) if found.is_success else ""


def is_manifest(request: Request) -> bool:
    return request.method == "PUT" and "/manifests/" in request.url.path


def refuse(status: int, code: str, message: str, detail: object = None, **headers: str) -> Response:
    error = {"code": code, "message": message, "detail": detail}
    return JSONResponse({"errors": [error]}, status, {name.replace("_", "-"): text for name, text in headers.items()})


async def only_known_types(_: Vendor, request: Request, body: bytes) -> Response | None:
    if not is_manifest(request):
        return None
    manifest = await request.json() if body else {}
    types = [manifest["config"]["mediaType"], *(layer["mediaType"] for layer in manifest["layers"])]
    known = KNOWN_CONFIGS | KNOWN_LAYERS
    unknown = [kind for kind in [manifest.get("artifactType", ""), *types] if kind and kind not in known]
    if not unknown:
        return None
    return refuse(400, "MANIFEST_INVALID", "manifest invalid", f"unknown media type: {unknown[0]}")


async def immutable_tags(vendor: Vendor, request: Request, _: bytes) -> Response | None:
    tag = request.url.path.rpartition("/")[2]
    if not is_manifest(request) or tag.startswith("sha256:") or not await vendor.stored(request):
        return None
    message = f"The image tag '{tag}' already exists and cannot be overwritten because the repository is immutable."
    return refuse(400, "TAG_INVALID", message)


async def immutable_tags_of_harbor(vendor: Vendor, request: Request, _: bytes) -> Response | None:
    tag = request.url.path.rpartition("/")[2]
    if not is_manifest(request) or tag.startswith("sha256:") or not await vendor.stored(request):
        return None
    return refuse(412, "PRECONDITION", f"Failed to process request due to '{tag}' configured as immutable.")


async def no_referrers(_: Vendor, request: Request, __: bytes) -> Response | None:
    return refuse(404, "NOT_FOUND", "page not found") if "/referrers/" in request.url.path else None


async def too_many_requests(vendor: Vendor, request: Request, _: bytes) -> Response | None:
    # Docker waits by itself.
    by_docker = "docker" in request.headers.get("user-agent", "")
    if by_docker or vendor.requests.count(f"{request.method} {request.url.path}") > 1:
        return None
    return refuse(429, "TOOMANYREQUESTS", "You have reached your unauthenticated pull rate limit", Retry_After="1")


async def relative_uploads(vendor: Vendor, request: Request, body: bytes) -> Response | None:
    if request.method != "POST" or not request.url.path.endswith("/uploads/"):
        return None
    response = await Vendor(()).answer(request)
    location = response.headers.get("location", "")
    response.headers["location"] = location.removeprefix(vendor.address) if body == b"" else location
    return response


# To imitate another registry takes a line here.
VENDORS: dict[str, tuple[Rule, ...]] = {
    "Distribution": (),
    "GitLab": (only_known_types,),
    "ECR": (immutable_tags, no_referrers),
    "GHCR": (no_referrers,),
    "Docker Hub": (too_many_requests,),
    "Harbor": (immutable_tags_of_harbor,),
    "Artifactory": (relative_uploads, no_referrers),
}


@contextmanager
def serve(name: str) -> Iterator[Vendor]:
    """Serve a vendor's registry on a free port of this machine."""
    vendor = Vendor(VENDORS[name])
    app = Starlette(routes=[Route("/{path:path}", vendor.answer, methods=METHODS)])
    with socket.create_server(("127.0.0.1", 0)) as listening:
        vendor.address = f"http://localhost:{listening.getsockname()[1]}"
        server = uvicorn.Server(uvicorn.Config(app, log_level="critical", lifespan="off"))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
        thread.start()
        while not server.started:
            time.sleep(0.01)
        try:
            yield vendor
        finally:
            server.should_exit = True
            thread.join()
