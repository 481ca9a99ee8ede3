import time

import pytest
from pydantic import SecretStr
from starlette.testclient import TestClient

from orders import db, health
from orders.app import create_app
from orders.drain import Drain
from orders.settings import Settings
from relay import Relay


@pytest.fixture
def relayed(settings: Settings, relay: Relay) -> Settings:
    return settings.model_copy(update={"database_url": SecretStr(relay.url)})


def test_healthy(client: TestClient) -> None:
    response = client.get("/healthz")
    assert (response.status_code, response.json()) == (200, {"status": "ok"})
    assert client.get("/livez").json() == {"status": "ok"}


def test_version(settings: Settings) -> None:
    with TestClient(create_app(settings.model_copy(update={"app_version": "1.4.2"}))) as client:
        assert client.get("/version").json() == {"version": "1.4.2", "features": ["order-search"]}


def test_a_database_that_stalls(relayed: Settings, relay: Relay) -> None:
    with TestClient(create_app(relayed)) as client:
        relay.stall()
        start = time.monotonic()
        response = client.get("/healthz")
        assert response.status_code == 503
        assert response.json() == {"status": "unavailable", "reason": "database: no answer within 2 s"}
        assert time.monotonic() - start < health.TIMEOUT + 1
        assert client.get("/livez").status_code == 200
        relay.cut()


def test_a_database_that_is_gone_and_comes_back(
    relayed: Settings, relay: Relay, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(db, "REQUEST_TIMEOUT", 1.0)
    with TestClient(create_app(relayed)) as client:
        relay.cut()
        assert client.get("/healthz").status_code == 503
        response = client.get("/customers")
        assert response.status_code == 503
        assert response.json() == {"detail": "the database does not answer; try again"}
        relay.open()
        deadline = time.monotonic() + 20
        while client.get("/healthz").status_code != 200:
            assert time.monotonic() < deadline
        assert client.get("/customers").status_code == 200


def test_a_database_that_only_dropped_its_connections_costs_no_request(relayed: Settings, relay: Relay) -> None:
    with TestClient(create_app(relayed)) as client:
        assert client.get("/customers").status_code == 200
        relay.cut()
        relay.open()
        assert client.get("/customers").status_code == 200


def test_draining_turns_new_requests_away_and_answers_them(settings: Settings) -> None:
    drain = Drain()
    with TestClient(create_app(settings, drain)) as client:
        assert "connection" not in client.get("/healthz").headers
        drain.active = True
        response = client.get("/healthz")
        assert response.status_code == 503
        assert response.json() == {"status": "unavailable", "reason": "draining: the service is stopping"}
        response = client.get("/customers")
        assert (response.status_code, response.headers["connection"]) == (200, "close")
