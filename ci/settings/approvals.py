"""`[environments.X.approvals]`: who has to approve a release before an environment takes it."""

from typing import Annotated

from pydantic import Field, model_validator

from ci.frozen import FrozenModel
from ci.settings.people import Role
from ci.settings.values import YEAR


class Approvals(FrozenModel):
    """Who has to approve a release before an environment takes it."""

    count: Annotated[int, Field(ge=0, le=20)]
    """How many people have to approve."""
    roles: tuple[Role, ...] = ()
    """Each person with one of these roles may approve, and may lift a denial."""
    including: tuple[Role, ...] = ()
    """For each of these roles, at least one approver must have it."""
    by_author: bool = True
    """Whether the author of a release may approve it."""
    valid_for: Annotated[float, Field(ge=60, le=YEAR, allow_inf_nan=False)] = 604800
    """How long an approval counts at most, in seconds."""

    @model_validator(mode="after")
    def _check_roles(self) -> "Approvals":
        if self.count and not self.roles:
            raise ValueError("roles must name who may approve where count is not 0")
        if more := [role for role in self.including if role not in self.roles]:
            raise ValueError(
                f"including must only name roles that may approve ({', '.join(self.roles)}), not {more[0]}"
            )
        return self
