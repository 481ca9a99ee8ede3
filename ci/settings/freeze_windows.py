"""`[[environments.X.freezes]]`: times in which nothing is deployed."""

from datetime import UTC, date, datetime, timedelta
from typing import Annotated

from pydantic import AfterValidator, BeforeValidator, ConfigDict, Field, model_validator

from ci.frozen import FrozenModel
from ci.settings.values import YEAR

SHAPE = "must have a reason, and either from and until or cron and hours"
MOMENT = "must be a date or a date and time, like 2026-12-24 or 2026-12-24T18:00:00Z"


def _moment(value: object) -> object:
    if isinstance(value, date) and not isinstance(value, datetime):
        return datetime(value.year, value.month, value.day, tzinfo=UTC)
    if not isinstance(value, datetime | str):
        raise ValueError(MOMENT)  # noqa: TRY004 - pydantic explains a ValueError, and passes a TypeError on
    return value


def _end(value: object) -> object:
    # A freeze window until a day includes that day.
    moment = _moment(value)
    whole_day = isinstance(moment, datetime) and not isinstance(value, datetime)
    try:
        return moment + timedelta(days=1) if whole_day and isinstance(moment, datetime) else moment
    except OverflowError:
        raise ValueError(MOMENT) from None


def _in_utc(moment: datetime) -> datetime:
    try:
        return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)
    except OverflowError:
        raise ValueError(MOMENT) from None


Begin = Annotated[datetime, BeforeValidator(_moment), AfterValidator(_in_utc)]
End = Annotated[datetime, BeforeValidator(_end), AfterValidator(_in_utc)]


class FreezeWindow(FrozenModel):
    """A time in which nothing is deployed: between two moments, or repeatedly by cron; all in UTC."""

    model_config = ConfigDict(validate_by_name=True, validate_by_alias=True, serialize_by_alias=True)

    reason: Annotated[str, Field(min_length=1)]
    """Why nothing is deployed in this time."""
    start: Begin | None = Field(default=None, alias="from")
    """When a single window begins; a date begins at 00:00 UTC."""
    until: End | None = None
    """When a single window ends; a date includes that day."""
    cron: str = ""
    """The five fields of cron: when a repeated window begins."""
    hours: Annotated[float, Field(gt=0, le=YEAR / 3600, allow_inf_nan=False)] | None = None
    """How long a repeated window lasts."""

    @model_validator(mode="after")
    def _check_shape(self) -> "FreezeWindow":
        once, repeated = [self.start, self.until], [self.cron or None, self.hours]
        if [part is None for part in once + repeated] not in ([False, False, True, True], [True, True, False, False]):
            raise ValueError(SHAPE)
        if self.start and self.until and self.start >= self.until:
            raise ValueError(f"from must be before until (is {self.start:%Y-%m-%dT%H:%MZ})")
        return self
