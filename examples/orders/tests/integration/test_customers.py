from collections.abc import Callable
from typing import Any

import httpx2 as httpx

Json = dict[str, Any]
Create = Callable[..., Json]


def test_a_customer_from_first_to_last(client: httpx.Client, create_customer: Create) -> None:
    customer = create_customer(birth_date="1970-01-01", notes="no nuts")
    path = f"/customers/{customer['id']}"
    assert client.get(path).json() == customer
    assert client.patch(path, json={"name": "Renamed"}).json() == customer | {"name": "Renamed"}
    assert client.get(path).json()["name"] == "Renamed"
    assert client.delete(path).status_code == 204
    assert client.get(path).status_code == 404


def test_an_email_is_taken_once(client: httpx.Client, create_customer: Create) -> None:
    customer = create_customer()
    same = {name: customer[name] for name in ("name", "email", "address")}
    assert client.post("/customers", json=same).status_code == 409


def test_what_is_wrong_is_refused(client: httpx.Client) -> None:
    response = client.post("/customers", json={"name": ""})
    assert response.status_code == 422
    assert {problem["loc"][-1] for problem in response.json()["detail"]} == {"name", "email", "address"}


def test_pages_hold_every_customer_once(client: httpx.Client, create_customer: Create) -> None:
    ours = [create_customer()["id"] for _ in range(3)]
    seen: list[int] = []
    after: int | None = ours[0] - 1
    while after is not None and after < ours[-1]:
        page = client.get("/customers", params={"limit": 2, "after": after}).json()
        seen += [customer["id"] for customer in page["items"]]
        after = page["next"]
    assert seen == sorted(set(seen))
    assert set(ours) <= set(seen)
