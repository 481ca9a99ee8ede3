import asyncio

import psycopg
import pytest
from psycopg import AsyncConnection
from psycopg.errors import SyntaxError as SqlSyntaxError

from orders import migrate

ALL = [name for name, _ in migrate.migrations()]


async def replica(url: str) -> list[str]:
    async with await AsyncConnection.connect(url, autocommit=True) as connection:
        return await migrate.migrate(connection)


def run(url: str) -> list[str]:
    return asyncio.run(replica(url))


def tables(url: str) -> set[str]:
    with psycopg.connect(url) as connection:
        rows = connection.execute(
            "SELECT table_name FROM information_schema.tables WHERE table_schema = current_schema"
        )
        return {name for (name,) in rows}


def add(monkeypatch: pytest.MonkeyPatch, *more: tuple[str, bytes]) -> None:
    files = [*migrate.migrations(), *more]
    monkeypatch.setattr(migrate, "migrations", lambda: files)


def test_all_of_them_in_order_and_once(database_url: str) -> None:
    assert sorted(ALL) == ALL
    assert run(database_url) == ALL
    assert run(database_url) == []
    assert tables(database_url) == {"schema_migrations", "customers", "orders", "order_lines"}


def test_a_new_one_is_applied_alone(database_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    run(database_url)
    add(monkeypatch, ("9999_more.sql", b"CREATE TABLE more (); CREATE TABLE yet_more ()"))
    assert run(database_url) == ["9999_more.sql"]
    assert {"more", "yet_more"} <= tables(database_url)


def test_a_failing_one_leaves_nothing_behind(database_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    add(monkeypatch, ("9998_good.sql", b"CREATE TABLE good ()"), ("9999_bad.sql", b"CREATE TABLE x (); CREATE TABEL y"))
    with pytest.raises(SqlSyntaxError):
        run(database_url)
    assert tables(database_url) == set()


def test_an_edited_one_is_refused(database_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    run(database_url)
    edited = [(name, sql + b"-- edited") for name, sql in migrate.migrations()]
    monkeypatch.setattr(migrate, "migrations", lambda: edited)
    with pytest.raises(migrate.MigrationChangedError, match=ALL[0]):
        run(database_url)


def test_an_older_release_starts_on_a_newer_schema(database_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as newer:
        add(newer, ("9999_more.sql", b"CREATE TABLE more ()"))
        run(database_url)
    assert run(database_url) == []


def test_replicas_that_start_at_once_take_turns(database_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    add(monkeypatch, ("9999_slow.sql", b"SELECT pg_sleep(0.3)"))

    async def replicas() -> list[list[str]]:
        return await asyncio.gather(*(replica(database_url) for _ in range(4)))

    assert sorted(asyncio.run(replicas())) == [[], [], [], [*ALL, "9999_slow.sql"]]
