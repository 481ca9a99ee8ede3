"""`[environments.X.approvals]`: who has to approve a release before an environment takes it."""

from typing import Annotated

from pydantic import Field, model_validator

from ci.frozen import FrozenModel
from ci.settings.people import Role


class Approvals(FrozenModel):
    """Who has to approve a release before an environment takes it."""

    count: Annotated[int, Field(ge=0, le=20)]
    # Anybody with one of these roles may approve.
    roles: tuple[Role, ...] = ()
    # For each of these roles, at least one approver must have it.
    including: tuple[Role, ...] = ()
    # Whether the author of a release may approve it.
    by_author: bool = True
    # How long an approval counts, in seconds: seven days.
    valid_for: Annotated[float, Field(ge=60)] = 604800

    @model_validator(mode="after")
    def _check_roles(self) -> "Approvals":
        if self.count and not self.roles:
            raise ValueError("roles must name who may approve where count is not 0")
        if more := [role for role in self.including if role not in self.roles]:
            raise ValueError(
                f"including must only name roles that may approve ({', '.join(self.roles)}), not {more[0]}"
            )
        return self
