"""Orders and their lines in the database."""

from typing import NoReturn

from psycopg import AsyncConnection
from psycopg.errors import ForeignKeyViolation
from psycopg.rows import class_row

from orders.errors import ConflictError, NotFoundError
from orders.models.common import Page
from orders.models.orders import Order, OrderFilter, OrderInput, OrderSearch, Status

SELECT = """
    SELECT o.id, o.customer_id, o.status, o.created_at,
        sum(l.quantity::bigint * l.price_cents)::bigint AS total_cents,
        json_agg(json_build_object('item', l.item, 'quantity', l.quantity, 'price_cents', l.price_cents)
            ORDER BY l.position) AS lines
    FROM orders o JOIN order_lines l ON l.order_id = o.id
"""
ONE = "WHERE o.id = %s GROUP BY o.id"
FILTER = """
    WHERE o.id > %(after)s
        AND (%(customer_id)s::bigint IS NULL OR o.customer_id = %(customer_id)s)
        AND (%(status)s::text IS NULL OR o.status = %(status)s)
    GROUP BY o.id ORDER BY o.id LIMIT %(limit)s + 1
"""
SEARCH = """
    WHERE o.id > %(after)s
        AND EXISTS (SELECT FROM order_lines s WHERE s.order_id = o.id AND strpos(lower(s.item), lower(%(item)s)) > 0)
    GROUP BY o.id ORDER BY o.id LIMIT %(limit)s + 1
"""


async def find(db: AsyncConnection, where: OrderFilter | OrderSearch) -> Page[Order]:
    condition = SEARCH if isinstance(where, OrderSearch) else FILTER
    cursor = db.cursor(row_factory=class_row(Order))
    await cursor.execute(SELECT + condition, where.model_dump())
    return Page.of(await cursor.fetchall(), where.limit)


async def get(db: AsyncConnection, order_id: int) -> Order:
    cursor = db.cursor(row_factory=class_row(Order))
    await cursor.execute(SELECT + ONE, [order_id])
    return await cursor.fetchone() or _missing(order_id)


async def create(db: AsyncConnection, order: OrderInput) -> Order:
    try:
        async with db.transaction():
            return await get(db, await _insert(db, order))
    except ForeignKeyViolation as error:
        raise ConflictError(f"there is no customer {order.customer_id} to order something") from error


async def change(db: AsyncConnection, order_id: int, status: Status) -> Order:
    """Ship or cancel an order that is placed; to what it already is, it can always be set."""
    async with db.transaction():
        await db.execute(
            "UPDATE orders SET status = %s WHERE id = %s AND status = %s", [status, order_id, Status.PLACED]
        )
        order = await get(db, order_id)
    if order.status != status:
        raise ConflictError(f"order {order_id} is {order.status}: it cannot become {status}")
    return order


async def delete(db: AsyncConnection, order_id: int) -> None:
    cursor = await db.execute("DELETE FROM orders WHERE id = %s", [order_id])
    if not cursor.rowcount:
        _missing(order_id)


async def _insert(db: AsyncConnection, order: OrderInput) -> int:
    cursor = db.cursor()
    await cursor.execute("INSERT INTO orders (customer_id) VALUES (%s) RETURNING id", [order.customer_id])
    [(order_id,)] = await cursor.fetchall()
    await cursor.executemany(
        "INSERT INTO order_lines (order_id, position, item, quantity, price_cents)"
        " VALUES (%(order_id)s, %(position)s, %(item)s, %(quantity)s, %(price_cents)s)",
        [
            line.model_dump() | {"order_id": order_id, "position": position}
            for position, line in enumerate(order.lines, start=1)
        ],
    )
    return int(order_id)


def _missing(order_id: int) -> NoReturn:
    raise NotFoundError(f"there is no order {order_id}")
