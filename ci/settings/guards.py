"""What stands between a release and an environment: approvals, freezes and the names of its secrets."""

from datetime import UTC, date, datetime, timedelta
from typing import Annotated

from pydantic import AfterValidator, BeforeValidator, ConfigDict, Field, model_validator

from ci.frozen import FrozenModel
from ci.settings.people import Role
from ci.settings.values import file_name

SHAPE = "must have a reason, and either from and until or cron and hours"
MOMENT = "must be a date or a date and time, like 2026-12-24 or 2026-12-24T18:00:00Z"


def _moment(value: object) -> object:
    if isinstance(value, date) and not isinstance(value, datetime):
        return datetime(value.year, value.month, value.day, tzinfo=UTC)
    if not isinstance(value, datetime | str):
        raise ValueError(MOMENT)  # noqa: TRY004 - pydantic explains a ValueError, and passes a TypeError on
    return value


def _end(value: object) -> object:
    # Who freezes until a day means that day too.
    moment = _moment(value)
    whole_day = isinstance(moment, datetime) and not isinstance(value, datetime)
    return moment + timedelta(days=1) if whole_day and isinstance(moment, datetime) else moment


def _in_utc(moment: datetime) -> datetime:
    return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)


Begin = Annotated[datetime, BeforeValidator(_moment), AfterValidator(_in_utc)]
End = Annotated[datetime, BeforeValidator(_end), AfterValidator(_in_utc)]
SecretName = Annotated[str, AfterValidator(file_name)]


class Approvals(FrozenModel):
    """Who has to approve of a release before an environment takes it."""

    count: Annotated[int, Field(ge=0, le=20)]
    # Who may approve: any of these roles.
    roles: tuple[Role, ...] = ()
    # The roles that must be among those who did.
    including: tuple[Role, ...] = ()
    # Whether the author of a release may be one of them.
    by_author: bool = True
    # How long an approval counts, in seconds: seven days.
    valid_for: Annotated[float, Field(ge=60)] = 604800

    @model_validator(mode="after")
    def _can_be_reached(self) -> "Approvals":
        if self.count and not self.roles:
            raise ValueError("roles must name who may approve where count is not 0")
        if more := [role for role in self.including if role not in self.roles]:
            raise ValueError(
                f"including must only name roles that may approve ({', '.join(self.roles)}), not {more[0]}"
            )
        return self


class Freeze(FrozenModel):
    """A time in which nothing is deployed: between two moments, or again and again; all in UTC."""

    model_config = ConfigDict(validate_by_name=True, validate_by_alias=True, serialize_by_alias=True)

    reason: Annotated[str, Field(min_length=1)]
    start: Begin | None = Field(default=None, alias="from")
    until: End | None = None
    # The five fields of cron: when it begins.
    cron: str = ""
    # How long it lasts from there.
    hours: Annotated[float, Field(gt=0)] | None = None

    @model_validator(mode="after")
    def _is_whole(self) -> "Freeze":
        once, often = [self.start, self.until], [self.cron or None, self.hours]
        if [part is None for part in once + often] not in ([False, False, True, True], [True, True, False, False]):
            raise ValueError(SHAPE)
        if self.start and self.until and self.start >= self.until:
            raise ValueError(f"from must be before until (is {self.start:%Y-%m-%dT%H:%MZ})")
        return self
