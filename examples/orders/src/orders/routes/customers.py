"""/customers."""

from typing import Annotated

from fastapi import APIRouter, Query

from orders.db import Database
from orders.models.common import Id, Page, Paging
from orders.models.customers import Customer, CustomerInput, CustomerPatch
from orders.store import customers

router = APIRouter(prefix="/customers", tags=["customers"])


@router.get("")
async def find(db: Database, paging: Annotated[Paging, Query()]) -> Page[Customer]:
    return await customers.find(db, paging)


@router.post("", status_code=201)
async def create(db: Database, customer: CustomerInput) -> Customer:
    return await customers.create(db, customer)


@router.get("/{customer_id}")
async def get(db: Database, customer_id: Id) -> Customer:
    return await customers.get(db, customer_id)


@router.patch("/{customer_id}")
async def change(db: Database, customer_id: Id, patch: CustomerPatch) -> Customer:
    return await customers.change(db, customer_id, patch)


@router.delete("/{customer_id}", status_code=204)
async def delete(db: Database, customer_id: Id) -> None:
    await customers.delete(db, customer_id)
