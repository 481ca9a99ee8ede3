"""The client with faults of the API: errors, rate limits, cut answers, endless pages, other servers."""

import time
from collections.abc import Callable

import pytest
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from ci.ledger.github.client import MOST_PAGES, Github, Patience
from ci.ledger.github.errors import (
    GithubDeniedError,
    GithubError,
    GithubMissingError,
    GithubUnreachableError,
    RateLimitedError,
)
from ci.ledger.github.runs import read_reviews, read_run
from tests.ledger.github.fake_github import OWNER, TOKEN, FakeGithub, Fault, served

IMPATIENT = Patience(pauses=(0.0, 0.0), longest=5)
RUN = f"{OWNER}/actions/runs/7"


def fail_with(status: int, **headers: str) -> Fault:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return lambda _: JSONResponse({"message": "not now"}, status, headers=named)


def cut_off(_: Request) -> Response:
    return Response(b'[{"state": "appro', media_type="application/json")


async def reviews(fake: FakeGithub, token: str = TOKEN) -> list[str]:
    async with Github.connect(fake.api, token, IMPATIENT) as github:
        found = await read_reviews(github, "team/orders", "7")
    return [review.user.login for review in found if review.user]


@pytest.fixture
def waiting(fake: FakeGithub) -> FakeGithub:
    """Return a server with a reviewed run."""
    fake.run("7")
    fake.review("7", "lead-login")
    return fake


@pytest.mark.parametrize(
    "fault", [fail_with(500), fail_with(502), fail_with(503), cut_off], ids=["500", "502", "503", "cut"]
)
async def test_passing_fault_is_retried(waiting: FakeGithub, fault: Fault) -> None:
    waiting.faults = [fault, fault]
    assert await reviews(waiting) == ["lead-login"]
    assert len(waiting.requests) == 3


@pytest.mark.parametrize("fault", [fail_with(500), cut_off], ids=["500", "cut"])
async def test_lasting_fault_is_reported(waiting: FakeGithub, fault: Fault) -> None:
    waiting.faults = [fault] * 3
    with pytest.raises(GithubUnreachableError, match=r"GitHub does not answer \(.*\): try again later"):
        await reviews(waiting)


async def test_server_that_is_down_is_unreachable() -> None:
    fake = FakeGithub()
    with served(fake):
        pass
    with pytest.raises(GithubUnreachableError, match="GitHub does not answer"):
        await reviews(fake)


@pytest.mark.parametrize(
    "limit",
    [
        lambda: fail_with(429, retry_after="0"),
        lambda: fail_with(403, retry_after="0"),
        lambda: fail_with(403, x_ratelimit_remaining="0", x_ratelimit_reset=str(int(time.time()))),
    ],
    ids=["429", "secondary", "primary"],
)
async def test_rate_limit_is_respected(waiting: FakeGithub, limit: Callable[[], Fault]) -> None:
    waiting.faults = [limit()]
    assert await reviews(waiting) == ["lead-login"]
    assert len(waiting.requests) == 2


@pytest.mark.parametrize(
    "limit",
    [
        fail_with(429, retry_after="3600"),
        fail_with(429),
        fail_with(403, x_ratelimit_remaining="0", x_ratelimit_reset=str(int(time.time()) + 3600)),
    ],
    ids=["later", "unsaid", "reset"],
)
async def test_long_rate_limit_is_reported_at_once(waiting: FakeGithub, limit: Fault) -> None:
    waiting.faults = [limit]
    with pytest.raises(RateLimitedError, match=r"accepts no more requests until \d\d:\d\d:\d\d UTC \(4\d\d not now\)"):
        await reviews(waiting)
    assert len(waiting.requests) == 1


async def test_repeated_rate_limit_is_reported(waiting: FakeGithub) -> None:
    waiting.faults = [fail_with(429, retry_after="0")] * 3
    with pytest.raises(RateLimitedError):
        await reviews(waiting)


async def test_list_of_several_pages_is_read(waiting: FakeGithub) -> None:
    waiting.page = 2
    for number in range(4):
        waiting.review("7", f"login-{number}")
    assert await reviews(waiting) == ["lead-login", *(f"login-{number}" for number in range(4))]
    assert len(waiting.requests) == 3


async def test_endless_pages_are_an_error(waiting: FakeGithub) -> None:
    def circle(request: Request) -> Response:
        return JSONResponse([], headers={"link": f'<{request.url}>; rel="next"'})

    waiting.faults = [circle] * (MOST_PAGES + 1)
    with pytest.raises(GithubError, match=f"has more than {MOST_PAGES} pages"):
        await reviews(waiting)
    assert len(waiting.requests) == MOST_PAGES


async def test_token_is_not_sent_to_another_host(waiting: FakeGithub) -> None:
    with served(FakeGithub()) as other:
        waiting.faults = [lambda _: JSONResponse([], headers={"link": f'<{other}/more>; rel="next"'})]
        with pytest.raises(GithubError, match=r"the next page is on another host, 127\.0\.0\.1: is this GitHub\?"):
            await reviews(waiting)


async def test_invalid_token_is_denied(waiting: FakeGithub) -> None:
    with pytest.raises(GithubDeniedError, match=r"401 Bad credentials\): the token is not valid: .*GITHUBTOKEN"):
        await reviews(waiting, "another")


async def test_token_without_the_permission_is_denied(waiting: FakeGithub) -> None:
    waiting.faults = [fail_with(403, x_ratelimit_remaining="4999")]
    with pytest.raises(GithubDeniedError, match=r"403 not now\): the token lacks the permission"):
        await reviews(waiting)
    assert len(waiting.requests) == 1


async def test_missing_run_is_an_error(fake: FakeGithub) -> None:
    async with Github.connect(fake.api, TOKEN, IMPATIENT) as github:
        with pytest.raises(
            GithubMissingError, match=r"GET /repos/team/orders/actions/runs/7 \(404 Not Found\): is git"
        ):
            await read_run(github, "team/orders", "7")


async def test_answer_in_another_format_is_an_error(waiting: FakeGithub) -> None:
    waiting.faults = [lambda _: JSONResponse({"hello": "world"})]
    with pytest.raises(GithubError, match="approvals: the answer is not a list"):
        await reviews(waiting)
    waiting.faults = [lambda _: JSONResponse([{"state": "approved"}])]
    with pytest.raises(GithubError, match=r"the answer is not in GitHub's format: 0\.user: Field required"):
        await reviews(waiting)


async def test_post_is_sent_once(fake: FakeGithub) -> None:
    fake.environments["dev"] = {}
    path = f"{OWNER}/environments/dev/deployment-branch-policies"
    fake.faults = [fail_with(500)]
    async with Github.connect(fake.api, TOKEN, IMPATIENT) as github:
        with pytest.raises(GithubUnreachableError):
            await github.post(path, {"name": "main", "type": "branch"})
    assert fake.requests == [f"POST {path}"]
