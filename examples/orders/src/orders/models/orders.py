"""Orders and their lines."""

from datetime import datetime
from enum import StrEnum

from pydantic import Field

from orders.models.common import Id, Input, Line, Paging, Resource


class Status(StrEnum):
    PLACED = "placed"
    SHIPPED = "shipped"
    CANCELLED = "cancelled"


class OrderLine(Input):
    item: Line
    quantity: int = Field(ge=1, le=10_000)
    price_cents: int = Field(ge=0, le=100_000_000, description="of one item")


class OrderInput(Input):
    customer_id: Id
    lines: list[OrderLine] = Field(min_length=1, max_length=100)


class OrderPatch(Input):
    status: Status


class OrderFilter(Paging):
    customer_id: Id | None = None
    status: Status | None = None


class OrderSearch(Paging):
    item: Line


class Order(OrderInput, Resource):
    status: Status
    total_cents: int
    created_at: datetime
