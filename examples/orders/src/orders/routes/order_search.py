"""/order-search, there only where the feature `order-search` is on."""

from typing import Annotated

from fastapi import APIRouter, Query

from orders.db import Database
from orders.models.common import Page
from orders.models.orders import Order, OrderSearch
from orders.store import orders

router = APIRouter(prefix="/order-search", tags=["orders"])


@router.get("")
async def search(db: Database, where: Annotated[OrderSearch, Query()]) -> Page[Order]:
    """Find the orders with an item whose name contains `item`, in capitals or not."""
    return await orders.find(db, where)
