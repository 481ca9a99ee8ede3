"""A fake of the part of GitHub's API that is used, with faults that a test chooses."""

import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

TOKEN = "a-token-of-the-tests"  # noqa: S105 - it opens nothing
OWNER = "/repos/team/orders"
BEGAN = "2026-11-25T09:00:00.123Z"
# Returns a faulty answer; None: the normal one.
Fault = Callable[[Request], Response | None]


def missing() -> Response:
    return JSONResponse({"message": "Not Found", "documentation_url": "https://docs.github.com/rest"}, 404)


@dataclass
class FakeGithub:
    """The state of the fake, and the requests that it got."""

    users: dict[str, int] = field(default_factory=dict)
    runs: dict[str, dict[str, Any]] = field(default_factory=dict)
    reviews: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    environments: dict[str, dict[str, Any]] = field(default_factory=dict)
    policies: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    protection: dict[str, Any] = field(default_factory=dict)
    # Faults of the next requests, one each.
    faults: list[Fault] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)
    page: int = 100
    api: str = ""

    def run(self, run: str, environment: str = "production", version: str = "1.0", **details: Any) -> None:
        """DeliveryStart a run of the deploy's workflow."""
        self.runs[run] = {
            "id": int(run),
            "event": "workflow_dispatch",
            "path": f".github/workflows/deploy-{environment}.yml",
            "head_branch": "main",
            "display_title": f"Deploy {version} to {environment}",
            "created_at": BEGAN,
            # The deploy's own run asks about itself.
            "status": "in_progress",
            "conclusion": None,
        } | details
        self.reviews.setdefault(run, [])

    def review(self, run: str, login: str | None, *environments: str, state: str = "approved") -> None:
        """Review the environments that a run waits for."""
        user = None if login is None else {"login": login, "id": 1, "type": "User"}
        named = [{"id": 1, "name": name} for name in environments or ("production",)]
        review = {"state": state, "comment": "", "user": user, "environments": named}
        self.reviews[run].append(review)

    async def answer(self, request: Request) -> Response:
        """Answer a request, or cause a fault."""
        self.requests.append(f"{request.method} {request.url.path}")
        fault = self.faults.pop(0) if self.faults else None
        if fault and (faulty := fault(request)):
            return faulty
        if request.headers.get("authorization") != f"Bearer {TOKEN}":
            return JSONResponse({"message": "Bad credentials"}, 401)
        return await self._route(request)

    async def _route(self, request: Request) -> Response:
        match request.url.path.removeprefix(OWNER).split("/")[1:]:
            case ["actions", "runs", run, *rest] if run in self.runs:
                return self._page(request, self.reviews[run]) if rest else JSONResponse(self.runs[run])
            case ["users", login] if login in self.users:
                return JSONResponse({"login": login, "id": self.users[login]})
            case ["environments", name]:
                return await self._environment(request, name)
            case ["environments", name, "deployment-branch-policies", *rest]:
                return await self._policies(request, name, rest)
            case ["branches", "main", "protection"]:
                return await self._protection(request)
        return missing()

    async def _environment(self, request: Request, name: str) -> Response:
        if request.method == "PUT":
            wanted = await request.json()
            rules: list[dict[str, Any]] = [{"id": 1, "type": "branch_policy"}]
            if wanted["wait_timer"]:
                rules.append({"type": "wait_timer", "wait_timer": wanted["wait_timer"]})
            if wanted["reviewers"]:
                reviewers = [{"type": one["type"], "reviewer": {"id": one["id"]}} for one in wanted["reviewers"]]
                itself = wanted["prevent_self_review"]
                rules.append({"type": "required_reviewers", "prevent_self_review": itself, "reviewers": reviewers})
            policy = wanted["deployment_branch_policy"]
            self.environments[name] = {"name": name, "protection_rules": rules, "deployment_branch_policy": policy}
        return JSONResponse(self.environments[name]) if name in self.environments else missing()

    async def _policies(self, request: Request, name: str, rest: list[str]) -> Response:
        if name not in self.environments:
            return missing()
        found = self.policies.setdefault(name, [])
        if request.method == "POST":
            found.append({"id": len(self.requests), **(await request.json())})
        if request.method == "DELETE":
            self.policies[name] = [policy for policy in found if str(policy["id"]) != rest[0]]
            return Response(status_code=204)
        return JSONResponse({"total_count": len(found), "branch_policies": found})

    async def _protection(self, request: Request) -> Response:
        if request.method == "PUT":
            body = await request.json()
            switches = {name: {"enabled": value} for name, value in body.items() if isinstance(value, bool)}
            self.protection = body | switches
        return JSONResponse(self.protection) if self.protection else missing()

    def _page(self, request: Request, items: list[dict[str, Any]]) -> Response:
        number = int(request.query_params.get("page", "1"))
        start = (number - 1) * self.page
        following = request.url.include_query_params(page=number + 1)
        headers = {"link": f'<{following}>; rel="next"'} if len(items) > start + self.page else {}
        return JSONResponse(items[start : start + self.page], headers=headers)


@contextmanager
def served(fake: FakeGithub, host: str = "127.0.0.1") -> Iterator[str]:
    """Serve on a free port, and return the address."""
    methods = ["GET", "PUT", "POST", "DELETE"]
    app = Starlette(routes=[Route("/{path:path}", fake.answer, methods=methods)])
    with socket.create_server((host, 0)) as listening:
        port = listening.getsockname()[1]
        server = uvicorn.Server(uvicorn.Config(app, log_level="critical", lifespan="off"))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
        thread.start()
        while not server.started:
            time.sleep(0.01)
        fake.api = f"http://{host}:{port}"
        try:
            yield fake.api
        finally:
            server.should_exit = True
            thread.join()
