"""Customers in the database."""

from typing import NoReturn

from psycopg import AsyncConnection
from psycopg.errors import ForeignKeyViolation, UniqueViolation
from psycopg.rows import class_row

from orders.errors import ConflictError, NotFoundError
from orders.models.common import Page, Paging
from orders.models.customers import Customer, CustomerInput, CustomerPatch

SELECT = """
    SELECT id, name, email, birth_date, notes, created_at,
        json_build_object('street', street, 'postal_code', postal_code, 'city', city, 'country', country) AS address
    FROM customers
"""
INSERT = """
    INSERT INTO customers (name, email, street, postal_code, city, country, birth_date, notes)
    VALUES (%(name)s, %(email)s, %(street)s, %(postal_code)s, %(city)s, %(country)s, %(birth_date)s, %(notes)s)
    RETURNING id
"""
UPDATE = """
    UPDATE customers
    SET name = %(name)s, email = %(email)s, street = %(street)s, postal_code = %(postal_code)s, city = %(city)s,
        country = %(country)s, birth_date = %(birth_date)s, notes = %(notes)s
    WHERE id = %(id)s
    RETURNING id
"""


async def find(db: AsyncConnection, paging: Paging) -> Page[Customer]:
    cursor = db.cursor(row_factory=class_row(Customer))
    await cursor.execute(SELECT + "WHERE id > %s ORDER BY id LIMIT %s", [paging.after, paging.limit + 1])
    return Page.of(await cursor.fetchall(), paging.limit)


async def get(db: AsyncConnection, customer_id: int, lock: str = "") -> Customer:
    cursor = db.cursor(row_factory=class_row(Customer))
    await cursor.execute(SELECT + "WHERE id = %s " + lock, [customer_id])
    return await cursor.fetchone() or _missing(customer_id)


async def create(db: AsyncConnection, customer: CustomerInput) -> Customer:
    return await get(db, await _write(db, INSERT, customer))


async def change(db: AsyncConnection, customer_id: int, patch: CustomerPatch) -> Customer:
    async with db.transaction():
        customer = await get(db, customer_id, lock="FOR UPDATE")
        changed = customer.model_copy(update={name: getattr(patch, name) for name in patch.model_fields_set})
        await _write(db, UPDATE, changed)
    return changed


async def delete(db: AsyncConnection, customer_id: int) -> None:
    try:
        cursor = await db.execute("DELETE FROM customers WHERE id = %s", [customer_id])
    except ForeignKeyViolation as error:
        raise ConflictError(f"customer {customer_id} has orders; delete those first") from error
    if not cursor.rowcount:
        _missing(customer_id)


async def _write(db: AsyncConnection, statement: str, customer: CustomerInput) -> int:
    values = customer.model_dump()
    try:
        cursor = await db.execute(statement, values | values["address"])
    except UniqueViolation as error:
        raise ConflictError("a customer with this email exists already") from error
    [(customer_id,)] = await cursor.fetchall()
    return int(customer_id)


def _missing(customer_id: int) -> NoReturn:
    raise NotFoundError(f"there is no customer {customer_id}")
