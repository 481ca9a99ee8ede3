"""Reads only, and shows nothing of what it read: made for production."""

import os
from collections.abc import Iterator

import httpx2 as httpx
import pytest


@pytest.fixture(scope="session")
def client() -> Iterator[httpx.Client]:
    url = os.environ.get("BASE_URL")
    if not url:
        pytest.fail("set BASE_URL to the address of a running service, like http://localhost:8000")
    with httpx.Client(base_url=url, timeout=10) as client:
        yield client


@pytest.mark.parametrize("path", ["/livez", "/healthz", "/version", "/openapi.json"])
def test_it_answers(client: httpx.Client, path: str) -> None:
    assert client.get(path).status_code == 200


@pytest.mark.parametrize("path", ["/customers", "/orders"])
def test_it_reads_from_the_database(client: httpx.Client, path: str) -> None:
    response = client.get(path, params={"limit": 1})
    assert response.status_code == 200
    assert sorted(response.json()) == ["items", "next"]


def test_what_is_not_there_is_not_found(client: httpx.Client) -> None:
    assert client.get(f"/customers/{2**63 - 1}").status_code == 404
