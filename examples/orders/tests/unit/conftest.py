"""A real database: schemas of the tests' own in the one that DATABASE_URL names."""

import os
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psycopg
import pytest
from psycopg.conninfo import make_conninfo
from psycopg.sql import SQL, Identifier
from pydantic import SecretStr
from starlette.testclient import TestClient

from orders.app import create_app
from orders.settings import Settings
from relay import Relay


@contextmanager
def new_schema() -> Iterator[str]:
    """Create an empty schema, yield the URL of a database in which it is all there is, and drop it."""
    url = os.environ.get("DATABASE_URL")
    if not url:
        pytest.fail("set DATABASE_URL to a PostgreSQL that the tests may use; README.md shows how to start one")
    schema = f"test_{uuid.uuid4().hex}"
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(SQL("CREATE SCHEMA {}").format(Identifier(schema)))
        yield make_conninfo(url, options=f"-c search_path={schema}")
        connection.execute(SQL("DROP SCHEMA {} CASCADE").format(Identifier(schema)))


@contextmanager
def no_settings() -> Iterator[pytest.MonkeyPatch]:
    """Take the service's own variables out of the environment."""
    with pytest.MonkeyPatch.context() as patch:
        for name in Settings.model_fields:
            patch.delenv(name.upper(), raising=False)
        yield patch


def settings_for(url: str) -> Settings:
    with no_settings():
        return Settings(database_url=SecretStr(url), features=frozenset({"order-search"}))


@pytest.fixture
def clean_environment() -> Iterator[None]:
    with no_settings():
        yield


@pytest.fixture
def database_url() -> Iterator[str]:
    """Provide an empty database, for the tests that need one of their own."""
    with new_schema() as url:
        yield url


@pytest.fixture
def settings(database_url: str) -> Settings:
    return settings_for(database_url)


@pytest.fixture
def relay(database_url: str) -> Iterator[Relay]:
    relay = Relay(database_url)
    yield relay
    relay.cut()


@pytest.fixture(scope="session")
def shared_settings() -> Iterator[Settings]:
    with new_schema() as url:
        yield settings_for(url)


@pytest.fixture(scope="session")
def shared_client(shared_settings: Settings) -> Iterator[TestClient]:
    with TestClient(create_app(shared_settings)) as client:
        yield client


@pytest.fixture
def client(shared_settings: Settings, shared_client: TestClient) -> Iterator[TestClient]:
    """Provide a client of a service that knows no customer yet."""
    yield shared_client
    with psycopg.connect(shared_settings.database_url.get_secret_value(), autocommit=True) as connection:
        connection.execute("TRUNCATE customers, orders, order_lines RESTART IDENTITY")


@pytest.fixture
def new_customer() -> dict[str, Any]:
    return {
        "name": "Ada Lovelace",
        "email": "ada@example.com",
        "address": {"street": "12 St James's Square", "postal_code": "SW1Y 4JH", "city": "London", "country": "gb"},
        "birth_date": "1915-12-10",
        "notes": "prefers to be called\nin the morning",
    }


@pytest.fixture
def customer(client: TestClient, new_customer: dict[str, Any]) -> dict[str, Any]:
    response = client.post("/customers", json=new_customer)
    assert response.status_code == 201, response.text
    created: dict[str, Any] = response.json()
    return created
