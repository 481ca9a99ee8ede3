"""A running service, given by its address. Every test takes away what it made, so it may run on a shared database."""

import os
import uuid
from collections.abc import Callable, Iterator
from typing import Any

import httpx2 as httpx
import pytest

Json = dict[str, Any]
Create = Callable[..., Json]


@pytest.fixture(scope="session")
def client() -> Iterator[httpx.Client]:
    url = os.environ.get("BASE_URL")
    if not url:
        pytest.fail("set BASE_URL to the address of a running service, like http://localhost:8000")
    with httpx.Client(base_url=url, timeout=10) as client:
        yield client


@pytest.fixture(scope="session")
def features(client: httpx.Client) -> list[str]:
    found: list[str] = client.get("/version").json()["features"]
    return found


@pytest.fixture
def create_customer(client: httpx.Client) -> Iterator[Create]:
    """Create customers, and delete them after the test."""
    created: list[Json] = []

    def create(**fields: object) -> Json:
        customer = {
            "name": "Integration Test",
            "email": f"test-{uuid.uuid4().hex}@example.com",
            "address": {"street": "Teststraße 1", "postal_code": "10115", "city": "Berlin", "country": "DE"},
        }
        created.append(_created(client.post("/customers", json=customer | fields)))
        return created[-1]

    yield create
    _delete_all(client, "customers", created)


@pytest.fixture
def create_order(client: httpx.Client, create_customer: Create) -> Iterator[Create]:
    """Create orders of a new customer, and delete them after the test."""
    created: list[Json] = []
    customer = create_customer()

    def create(item: str = "tea") -> Json:
        lines = [{"item": item, "quantity": 3, "price_cents": 450}]
        created.append(_created(client.post("/orders", json={"customer_id": customer["id"], "lines": lines})))
        return created[-1]

    yield create
    _delete_all(client, "orders", created)


def _created(response: httpx.Response) -> Json:
    assert response.status_code == 201, response.text
    body: Json = response.json()
    return body


def _delete_all(client: httpx.Client, resource: str, created: list[Json]) -> None:
    statuses = [client.delete(f"/{resource}/{each['id']}").status_code for each in created]
    assert set(statuses) <= {204, 404}
