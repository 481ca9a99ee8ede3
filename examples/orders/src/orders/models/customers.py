"""Customers: personal data, every field of it."""

from datetime import date, datetime
from typing import Annotated, Any

from pydantic import EmailStr, Field, PastDate, StringConstraints

from orders.models.common import Input, Line, Resource, Text

Country = Annotated[str, StringConstraints(to_upper=True, pattern="^[A-Za-z]{2}$")]
BirthDate = Annotated[PastDate, Field(ge=date(1900, 1, 1))]

# A default that nobody reads: `model_fields_set` tells what was sent, and a null that was is checked like any value.
UNSENT: Any = None


class Address(Input):
    street: Line
    postal_code: Annotated[Text, StringConstraints(min_length=1, max_length=16)]
    city: Line
    country: Country = Field(description="ISO 3166-1 alpha-2")


class CustomerInput(Input):
    name: Line
    email: EmailStr
    address: Address
    birth_date: BirthDate | None = None
    notes: Text = ""


class CustomerPatch(Input):
    """What is not sent stays as it is."""

    name: Line = UNSENT
    email: EmailStr = UNSENT
    address: Address = UNSENT
    birth_date: BirthDate | None = UNSENT
    notes: Text = UNSENT


class Customer(CustomerInput, Resource):
    created_at: datetime
