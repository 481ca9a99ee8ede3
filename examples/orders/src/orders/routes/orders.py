"""/orders."""

from typing import Annotated

from fastapi import APIRouter, Query

from orders.db import Database
from orders.models.common import Id, Page
from orders.models.orders import Order, OrderFilter, OrderInput, OrderPatch
from orders.store import orders

router = APIRouter(prefix="/orders", tags=["orders"])


@router.get("")
async def find(db: Database, where: Annotated[OrderFilter, Query()]) -> Page[Order]:
    return await orders.find(db, where)


@router.post("", status_code=201)
async def create(db: Database, order: OrderInput) -> Order:
    return await orders.create(db, order)


@router.get("/{order_id}")
async def get(db: Database, order_id: Id) -> Order:
    return await orders.get(db, order_id)


@router.patch("/{order_id}")
async def change(db: Database, order_id: Id, patch: OrderPatch) -> Order:
    return await orders.change(db, order_id, patch.status)


@router.delete("/{order_id}", status_code=204)
async def delete(db: Database, order_id: Id) -> None:
    await orders.delete(db, order_id)
