"""Brings the database's schema to what this release needs; `python -m orders.migrate` does only that.

A release starts beside the one that still serves, on the same database. So a migration must suit both: add first, and
take away only in a later release, when nothing uses the old shape any more. There is no way back but a new migration.
"""

import asyncio
import hashlib
import logging
from importlib.resources import files

from psycopg import AsyncConnection

from orders.db import open_pool
from orders.logs import set_up_logs
from orders.settings import read_settings

LOCK = 0x6F7264657273
"""The key of the advisory lock ("orders" in ASCII): releases and replicas that start at once take turns."""

log = logging.getLogger("orders.migrate")


class MigrationChangedError(Exception):
    """A file was edited after a database had it: the schema is not what the files say."""


def migrations() -> list[tuple[str, bytes]]:
    """Names and SQL of all migrations, in the order of their names."""
    folder = files("orders") / "migrations"
    return sorted((file.name, file.read_bytes()) for file in folder.iterdir() if file.name.endswith(".sql"))


async def migrate(connection: AsyncConnection) -> list[str]:
    """Apply what is missing, all of it or nothing, and return its names."""
    async with connection.transaction():
        # The first wait is for another replica's migrations. The second limit is for locks on tables: a migration that
        # waits for one holds up every request behind it, so it rather fails and is tried again.
        await connection.execute("SET LOCAL statement_timeout = 0; SET LOCAL lock_timeout = '60s'")
        await connection.execute("SELECT pg_advisory_xact_lock(%s)", [LOCK])
        await connection.execute("SET LOCAL lock_timeout = '5s'")
        applied = await _applied(connection)
        return [name for name, sql in migrations() if await _apply(connection, name, sql, applied.get(name))]


async def _applied(connection: AsyncConnection) -> dict[str, str]:
    await connection.execute(
        "CREATE TABLE IF NOT EXISTS schema_migrations"
        " (name text PRIMARY KEY, sha256 text NOT NULL, applied_at timestamptz NOT NULL DEFAULT now())"
    )
    rows = await connection.execute("SELECT name, sha256 FROM schema_migrations")
    return {name: digest async for name, digest in rows}


async def _apply(connection: AsyncConnection, name: str, sql: bytes, applied: str | None) -> bool:
    digest = hashlib.sha256(sql).hexdigest()
    if applied == digest:
        return False
    if applied:
        raise MigrationChangedError(f"migrations/{name}: was changed after it was applied; restore it, add a new file")
    await connection.execute(sql)
    await connection.execute("INSERT INTO schema_migrations (name, sha256) VALUES (%s, %s)", [name, digest])
    log.info("applied %s", name)
    return True


async def main() -> None:
    settings = read_settings()
    set_up_logs(settings.log_level)
    async with open_pool(settings) as pool, pool.connection() as connection:
        applied = await migrate(connection)
    log.info("the schema is up to date, %d applied", len(applied))


if __name__ == "__main__":
    asyncio.run(main())
