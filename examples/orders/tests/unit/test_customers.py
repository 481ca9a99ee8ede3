from typing import Any

import pytest
from starlette.testclient import TestClient

Json = dict[str, Any]


def test_create_answers_with_what_get_answers(client: TestClient, new_customer: Json, customer: Json) -> None:
    expected = new_customer | {"address": new_customer["address"] | {"country": "GB"}}
    assert {name: customer[name] for name in expected} == expected
    assert client.get(f"/customers/{customer['id']}").json() == customer


def test_birth_date_and_notes_are_optional(client: TestClient, new_customer: Json) -> None:
    del new_customer["birth_date"], new_customer["notes"]
    created = client.post("/customers", json=new_customer).json()
    assert (created["birth_date"], created["notes"]) == (None, "")


def test_email_is_unique_whatever_its_case(client: TestClient, new_customer: Json, customer: Json) -> None:
    response = client.post("/customers", json=new_customer | {"email": customer["email"].upper()})
    assert response.status_code == 409
    assert response.json() == {"detail": "a customer with this email exists already"}


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("name", " "),
        ("name", "a\0b"),
        ("name", "x" * 201),
        ("name", None),
        ("email", "nobody"),
        ("address", {"street": "1 Main Street"}),
        ("birth_date", "2999-01-01"),
        ("birth_date", "1815-12-10"),
        ("notes", "x" * 2001),
        ("unknown", 1),
    ],
)
def test_create_refuses(client: TestClient, new_customer: Json, field: str, value: object) -> None:
    response = client.post("/customers", json=new_customer | {field: value})
    assert response.status_code == 422
    assert response.json()["detail"][0]["loc"][:2] == ["body", field]


def test_refusal_does_not_repeat_the_input(client: TestClient, new_customer: Json) -> None:
    response = client.post("/customers", json=new_customer | {"email": "secret words"})
    assert response.status_code == 422
    assert "secret words" not in response.text


@pytest.mark.parametrize("body", [b'{"name": "\\ud800"}', b"\xff", b"[", b"NaN", b""])
def test_broken_bodies_are_refused(client: TestClient, body: bytes) -> None:
    response = client.post("/customers", content=body, headers={"content-type": "application/json"})
    assert response.status_code in {400, 422}


@pytest.mark.parametrize(
    "patch",
    [
        {"name": "Ada King"},
        {"email": "ADA@example.com"},
        {"birth_date": None},
        {"notes": "%s %(x)s ' -- ü 🙂"},
        {"address": {"street": "Hauptstraße 1", "postal_code": "10115", "city": "Berlin", "country": "DE"}},
        {},
    ],
)
def test_patch_changes_what_is_sent(client: TestClient, customer: Json, patch: Json) -> None:
    response = client.patch(f"/customers/{customer['id']}", json=patch)
    assert response.status_code == 200, response.text
    assert response.json() == customer | patch
    assert client.get(f"/customers/{customer['id']}").json() == customer | patch


@pytest.mark.parametrize("patch", [{"name": None}, {"email": ""}, {"address": None}, {"id": 7}])
def test_patch_refuses(client: TestClient, customer: Json, patch: Json) -> None:
    assert client.patch(f"/customers/{customer['id']}", json=patch).status_code == 422


def test_patch_to_a_taken_email_changes_nothing(client: TestClient, new_customer: Json, customer: Json) -> None:
    other = client.post("/customers", json=new_customer | {"email": "grace@example.com"}).json()
    patch = {"name": "Grace", "email": customer["email"]}
    assert client.patch(f"/customers/{other['id']}", json=patch).status_code == 409
    assert client.get(f"/customers/{other['id']}").json() == other


def test_delete(client: TestClient, customer: Json) -> None:
    assert client.delete(f"/customers/{customer['id']}").status_code == 204
    assert client.delete(f"/customers/{customer['id']}").status_code == 404


def test_delete_refuses_a_customer_with_orders(client: TestClient, customer: Json) -> None:
    order = {"customer_id": customer["id"], "lines": [{"item": "tea", "quantity": 1, "price_cents": 1}]}
    client.post("/orders", json=order)
    response = client.delete(f"/customers/{customer['id']}")
    assert response.status_code == 409
    assert response.json() == {"detail": f"customer {customer['id']} has orders; delete those first"}


@pytest.mark.parametrize("method", ["GET", "PATCH", "DELETE"])
def test_unknown_ids(client: TestClient, method: str) -> None:
    json = {"name": "x"} if method == "PATCH" else None
    response = client.request(method, "/customers/404", json=json)
    assert response.status_code == 404
    assert response.json() == {"detail": "there is no customer 404"}
    assert client.request(method, f"/customers/{2**63}", json=json).status_code == 422
    assert client.request(method, "/customers/0", json=json).status_code == 422


def test_pages(client: TestClient, new_customer: Json) -> None:
    for number in range(5):
        client.post("/customers", json=new_customer | {"email": f"c{number}@example.com"})
    seen: list[str] = []
    after: int | None = 0
    sizes = []
    while after is not None:
        page = client.get("/customers", params={"limit": 2, "after": after}).json()
        sizes.append(len(page["items"]))
        seen += [customer["email"] for customer in page["items"]]
        after = page["next"]
    assert sizes == [2, 2, 1]
    assert seen == [f"c{number}@example.com" for number in range(5)]


@pytest.mark.parametrize("query", ["limit=0", "limit=201", "after=-1", f"after={2**63}", "offset=1"])
def test_paging_refuses(client: TestClient, query: str) -> None:
    assert client.get(f"/customers?{query}").status_code == 422
