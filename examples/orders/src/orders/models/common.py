"""What the resources share."""

from typing import Annotated, Generic, Self, TypeVar

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints

MAX_ID = 2**63 - 1
"""The largest bigint of PostgreSQL."""

Id = Annotated[int, Field(ge=1, le=MAX_ID)]


def _without_nul(text: str) -> str:
    if "\0" in text:
        raise ValueError("must not contain the character NUL")  # PostgreSQL cannot store it
    return text


Text = Annotated[str, StringConstraints(strip_whitespace=True, max_length=2000), AfterValidator(_without_nul)]
Line = Annotated[Text, StringConstraints(min_length=1, max_length=200)]


class Input(BaseModel):
    """What callers send: a field that does not exist is their mistake, not ours to swallow."""

    model_config = ConfigDict(extra="forbid")


class Paging(Input):
    """Which part of a list: `limit` entries with ids above `after`."""

    limit: int = Field(default=50, ge=1, le=200)
    after: int = Field(default=0, ge=0, le=MAX_ID)


class Resource(BaseModel):
    id: int


T = TypeVar("T", bound=Resource)


class Page(BaseModel, Generic[T]):
    """A part of a list; `next` is the `after` of the following part, null at the end."""

    items: list[T]
    next: int | None

    @classmethod
    def of(cls, rows: list[T], limit: int) -> Self:
        """Make a page of up to `limit` rows from one more, which tells whether there is a next page."""
        return cls(items=rows[:limit], next=rows[limit - 1].id if len(rows) > limit else None)
