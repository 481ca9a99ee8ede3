import uuid
from collections.abc import Callable
from typing import Any

import httpx2 as httpx

Json = dict[str, Any]
Create = Callable[..., Json]


def test_an_order_from_first_to_last(client: httpx.Client, create_order: Create) -> None:
    order = create_order()
    path = f"/orders/{order['id']}"
    assert order["total_cents"] == 1350
    assert client.get(path).json() == order
    assert client.patch(path, json={"status": "shipped"}).json() == order | {"status": "shipped"}
    assert client.patch(path, json={"status": "cancelled"}).status_code == 409
    assert client.delete(path).status_code == 204
    assert client.get(path).status_code == 404


def test_orders_of_a_customer(client: httpx.Client, create_order: Create) -> None:
    orders = [create_order(), create_order()]
    customer_id = orders[0]["customer_id"]
    assert client.get("/orders", params={"customer_id": customer_id}).json() == {"items": orders, "next": None}


def test_a_customer_with_orders_stays(client: httpx.Client, create_order: Create) -> None:
    order = create_order()
    assert client.delete(f"/customers/{order['customer_id']}").status_code == 409
    assert client.get(f"/orders/{order['id']}").status_code == 200


def test_search_follows_its_feature(client: httpx.Client, create_order: Create, features: list[str]) -> None:
    item = f"tea {uuid.uuid4()}"
    order = create_order(item)
    response = client.get("/order-search", params={"item": item.upper()})
    if "order-search" in features:
        assert response.json() == {"items": [order], "next": None}
    else:
        assert response.status_code == 404
