from typing import Any

import pytest
from starlette.testclient import TestClient

from orders.app import create_app
from orders.settings import Settings

Json = dict[str, Any]

TEA = {"item": "Assam tea, 100%", "quantity": 2, "price_cents": 450}
MUG = {"item": "Mug", "quantity": 1, "price_cents": 1200}


@pytest.fixture
def order(client: TestClient, customer: Json) -> Json:
    response = client.post("/orders", json={"customer_id": customer["id"], "lines": [TEA, MUG]})
    assert response.status_code == 201, response.text
    created: Json = response.json()
    return created


def test_create_answers_with_what_get_answers(client: TestClient, customer: Json, order: Json) -> None:
    assert order["customer_id"] == customer["id"]
    assert order["lines"] == [TEA, MUG]
    assert order["total_cents"] == 2100
    assert order["status"] == "placed"
    assert client.get(f"/orders/{order['id']}").json() == order


def test_the_largest_order_has_a_total(client: TestClient, customer: Json) -> None:
    line = {"item": "gold", "quantity": 10_000, "price_cents": 100_000_000}
    order = client.post("/orders", json={"customer_id": customer["id"], "lines": [line] * 100}).json()
    assert order["total_cents"] == 100 * 10**12


def test_create_needs_a_customer(client: TestClient) -> None:
    response = client.post("/orders", json={"customer_id": 404, "lines": [TEA]})
    assert response.status_code == 409
    assert client.get("/orders").json() == {"items": [], "next": None}


@pytest.mark.parametrize(
    "lines",
    [
        [],
        [TEA] * 101,
        [TEA | {"quantity": 0}],
        [TEA | {"quantity": 1.5}],
        [TEA | {"price_cents": -1}],
        [TEA | {"item": ""}],
        [TEA | {"colour": "green"}],
    ],
)
def test_create_refuses(client: TestClient, customer: Json, lines: list[Json]) -> None:
    assert client.post("/orders", json={"customer_id": customer["id"], "lines": lines}).status_code == 422


@pytest.mark.parametrize("status", ["placed", "shipped", "cancelled"])
def test_a_placed_order_can_become(client: TestClient, order: Json, status: str) -> None:
    for _ in range(2):
        response = client.patch(f"/orders/{order['id']}", json={"status": status})
        assert response.status_code == 200
        assert response.json() == order | {"status": status}


@pytest.mark.parametrize(
    ("now", "then"),
    [("shipped", "cancelled"), ("cancelled", "shipped"), ("shipped", "placed"), ("cancelled", "placed")],
)
def test_what_is_done_is_done(client: TestClient, order: Json, now: str, then: str) -> None:
    client.patch(f"/orders/{order['id']}", json={"status": now})
    response = client.patch(f"/orders/{order['id']}", json={"status": then})
    assert response.status_code == 409
    assert response.json() == {"detail": f"order {order['id']} is {now}: it cannot become {then}"}
    assert client.get(f"/orders/{order['id']}").json()["status"] == now


def test_patch_refuses_an_unknown_status(client: TestClient, order: Json) -> None:
    assert client.patch(f"/orders/{order['id']}", json={"status": "lost"}).status_code == 422


def test_delete(client: TestClient, order: Json) -> None:
    assert client.delete(f"/orders/{order['id']}").status_code == 204
    assert client.get(f"/orders/{order['id']}").status_code == 404


@pytest.mark.parametrize("method", ["GET", "PATCH", "DELETE"])
def test_unknown_ids(client: TestClient, method: str) -> None:
    json = {"status": "shipped"} if method == "PATCH" else None
    response = client.request(method, "/orders/404", json=json)
    assert response.status_code == 404
    assert response.json() == {"detail": "there is no order 404"}


def test_filters_and_pages(client: TestClient, new_customer: Json, order: Json) -> None:
    other = client.post("/customers", json=new_customer | {"email": "grace@example.com"}).json()
    theirs = [client.post("/orders", json={"customer_id": other["id"], "lines": [TEA]}).json() for _ in range(3)]
    shipped = client.patch(f"/orders/{theirs[1]['id']}", json={"status": "shipped"}).json()

    def found(**params: str | int) -> list[Json]:
        items: list[Json] = client.get("/orders", params=params).json()["items"]
        return items

    assert found() == [order, theirs[0], shipped, theirs[2]]
    assert found(customer_id=other["id"]) == [theirs[0], shipped, theirs[2]]
    assert found(status="shipped") == [shipped]
    assert found(customer_id=order["customer_id"], status="shipped") == []
    page = client.get("/orders", params={"customer_id": other["id"], "limit": 2}).json()
    assert page == {"items": [theirs[0], shipped], "next": shipped["id"]}
    assert found(customer_id=other["id"], after=page["next"]) == [theirs[2]]


@pytest.mark.parametrize(("item", "hits"), [("TEA", 1), ("mug", 1), ("100%", 1), ("%", 1), ("_", 0), ("coffee", 0)])
def test_search(client: TestClient, order: Json, item: str, hits: int) -> None:
    assert client.get("/order-search", params={"item": item}).json() == {"items": [order] * hits, "next": None}


def test_search_needs_an_item(client: TestClient) -> None:
    assert client.get("/order-search").status_code == 422


def test_search_is_a_feature(settings: Settings) -> None:
    with TestClient(create_app(settings.model_copy(update={"features": frozenset()}))) as client:
        assert client.get("/order-search", params={"item": "tea"}).status_code == 404
