"""The API as it is on a bad day: it fails, is busy, is cut off, goes round in circles, or is somebody else's."""

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
from tests.ledger.github.hub import OWNER, TOKEN, Fault, Hub, served

IMPATIENT = Patience(pauses=(0.0, 0.0), longest=5)
RUN = f"{OWNER}/actions/runs/7"


def saying(status: int, **headers: str) -> Fault:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return lambda _: JSONResponse({"message": "not now"}, status, headers=named)


def cut_off(_: Request) -> Response:
    return Response(b'[{"state": "appro', media_type="application/json")


async def reviews(hub: Hub, token: str = TOKEN) -> list[str]:
    async with Github.connect(hub.api, token, IMPATIENT) as github:
        found = await read_reviews(github, "team/orders", "7")
    return [review.user.login for review in found if review.user]


@pytest.fixture
def waiting(hub: Hub) -> Hub:
    """Return a server with a run that somebody reviewed."""
    hub.run("7")
    hub.review("7", "lead-login")
    return hub


@pytest.mark.parametrize("fault", [saying(500), saying(502), saying(503), cut_off], ids=["500", "502", "503", "cut"])
async def test_what_passes_is_waited_for(waiting: Hub, fault: Fault) -> None:
    waiting.faults = [fault, fault]
    assert await reviews(waiting) == ["lead-login"]
    assert len(waiting.asked) == 3


@pytest.mark.parametrize("fault", [saying(500), cut_off], ids=["500", "cut"])
async def test_what_does_not_pass_is_told(waiting: Hub, fault: Fault) -> None:
    waiting.faults = [fault] * 3
    with pytest.raises(GithubUnreachableError, match=r"GitHub does not answer \(.*\): try again later"):
        await reviews(waiting)


async def test_a_server_that_is_down() -> None:
    hub = Hub()
    with served(hub):
        pass
    with pytest.raises(GithubUnreachableError, match="GitHub does not answer"):
        await reviews(hub)


@pytest.mark.parametrize(
    "limit",
    [
        lambda: saying(429, retry_after="0"),
        lambda: saying(403, retry_after="0"),
        lambda: saying(403, x_ratelimit_remaining="0", x_ratelimit_reset=str(int(time.time()))),
    ],
    ids=["429", "secondary", "primary"],
)
async def test_a_rate_limit_is_respected(waiting: Hub, limit: Callable[[], Fault]) -> None:
    waiting.faults = [limit()]
    assert await reviews(waiting) == ["lead-login"]
    assert len(waiting.asked) == 2


@pytest.mark.parametrize(
    "limit",
    [
        saying(429, retry_after="3600"),
        saying(429),
        saying(403, x_ratelimit_remaining="0", x_ratelimit_reset=str(int(time.time()) + 3600)),
    ],
    ids=["later", "unsaid", "reset"],
)
async def test_a_limit_that_takes_too_long_is_told_at_once(waiting: Hub, limit: Fault) -> None:
    waiting.faults = [limit]
    with pytest.raises(RateLimitedError, match=r"takes no more requests until \d\d:\d\d:\d\d UTC \(4\d\d not now\)"):
        await reviews(waiting)
    assert len(waiting.asked) == 1


async def test_a_limit_without_an_end_is_told(waiting: Hub) -> None:
    waiting.faults = [saying(429, retry_after="0")] * 3
    with pytest.raises(RateLimitedError):
        await reviews(waiting)


async def test_a_list_comes_page_by_page(waiting: Hub) -> None:
    waiting.page = 2
    for number in range(4):
        waiting.review("7", f"login-{number}")
    assert await reviews(waiting) == ["lead-login", *(f"login-{number}" for number in range(4))]
    assert len(waiting.asked) == 3


async def test_pages_that_go_round_in_circles(waiting: Hub) -> None:
    def circle(request: Request) -> Response:
        return JSONResponse([], headers={"link": f'<{request.url}>; rel="next"'})

    waiting.faults = [circle] * (MOST_PAGES + 1)
    with pytest.raises(GithubError, match=f"has more than {MOST_PAGES} pages"):
        await reviews(waiting)
    assert len(waiting.asked) == MOST_PAGES


async def test_the_token_goes_nowhere_else(waiting: Hub) -> None:
    with served(Hub()) as other:
        waiting.faults = [lambda _: JSONResponse([], headers={"link": f'<{other}/more>; rel="next"'})]
        with pytest.raises(GithubError, match=r"says that its next page is at 127\.0\.0\.1: is this GitHub\?"):
            await reviews(waiting)


async def test_a_token_that_is_not_valid(waiting: Hub) -> None:
    with pytest.raises(GithubDeniedError, match=r"401 Bad credentials\): the token is not valid: .*GITHUBTOKEN"):
        await reviews(waiting, "another")


async def test_a_token_that_may_not(waiting: Hub) -> None:
    waiting.faults = [saying(403, x_ratelimit_remaining="4999")]
    with pytest.raises(GithubDeniedError, match=r"403 not now\): the token may not do that"):
        await reviews(waiting)
    assert len(waiting.asked) == 1


async def test_a_run_that_is_not_there(hub: Hub) -> None:
    async with Github.connect(hub.api, TOKEN, IMPATIENT) as github:
        with pytest.raises(
            GithubMissingError, match=r"GET /repos/team/orders/actions/runs/7 \(404 Not Found\): is git"
        ):
            await read_run(github, "team/orders", "7")


async def test_an_answer_that_is_not_githubs(waiting: Hub) -> None:
    waiting.faults = [lambda _: JSONResponse({"hello": "world"})]
    with pytest.raises(GithubError, match="approvals: answers with something else than a list"):
        await reviews(waiting)
    waiting.faults = [lambda _: JSONResponse([{"state": "approved"}])]
    with pytest.raises(GithubError, match=r"answers in another way than GitHub does: 0\.user: Field required"):
        await reviews(waiting)


async def test_what_may_have_come_through_is_not_sent_twice(hub: Hub) -> None:
    hub.environments["dev"] = {}
    path = f"{OWNER}/environments/dev/deployment-branch-policies"
    hub.faults = [saying(500)]
    async with Github.connect(hub.api, TOKEN, IMPATIENT) as github:
        with pytest.raises(GithubUnreachableError):
            await github.post(path, {"name": "main", "type": "branch"})
    assert hub.asked == [f"POST {path}"]
