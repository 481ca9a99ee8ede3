"""The pool of database connections, and one of them for a request."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Annotated

from fastapi import Depends, Request
from psycopg import AsyncConnection
from psycopg_pool import AsyncConnectionPool

from orders.settings import Settings

START_TIMEOUT = 30.0
"""Seconds to wait at start: in a new stack the database and the service start together."""

REQUEST_TIMEOUT = 5.0
"""Seconds until a request gives up on a free connection, and a statement on its answer."""

Pool = AsyncConnectionPool[AsyncConnection]


@asynccontextmanager
async def open_pool(settings: Settings) -> AsyncIterator[Pool]:
    """Open the pool; raises `psycopg_pool.PoolTimeout` when the database does not answer in time."""
    async with AsyncConnectionPool(
        settings.database_url.get_secret_value(),
        # Autocommit, so that a change is committed before its response is sent: FastAPI closes a request's
        # dependencies only afterwards. What needs several statements opens a transaction.
        # The two timeouts are for a host that vanished: nothing else would end the wait for it.
        kwargs={"autocommit": True, "connect_timeout": 5, "tcp_user_timeout": 5000},
        min_size=1,
        max_size=10,
        timeout=REQUEST_TIMEOUT,
        configure=_configure,
        # Costs a round trip, and a restart of the database costs no request.
        check=AsyncConnectionPool.check_connection,
        open=False,
    ) as pool:
        await pool.wait(START_TIMEOUT)
        yield pool


async def _configure(connection: AsyncConnection) -> None:
    await connection.execute(f"SET statement_timeout = {REQUEST_TIMEOUT * 1000:.0f}")


def _pool(request: Request) -> Pool:
    pool: Pool = request.app.state.pool
    return pool


async def _connection(pool: Annotated[Pool, Depends(_pool)]) -> AsyncIterator[AsyncConnection]:
    async with pool.connection() as connection:
        yield connection


Database = Annotated[AsyncConnection, Depends(_connection)]
