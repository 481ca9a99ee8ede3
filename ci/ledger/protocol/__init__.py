"""What can be asked of the ledger and what it answers.

One request is one run of `python -m ci.ledger`: its JSON on standard input, its outcome as one line of JSON on
standard output. Bad news (`ok` is false) still exits 0; a crash does not.
"""

from typing import Annotated

from pydantic import Field, TypeAdapter

from ci.ledger.protocol.messages import Access, GithubAccess, Keys, Outcome, Request, SigningKey
from ci.ledger.protocol.outcomes import Admitted, Failed, Found, GithubRead, Planned, Recorded, Refused, Text, Viewed
from ci.ledger.protocol.requests import (
    Admit,
    Approve,
    ApproveFromGithub,
    BootstrapGithub,
    Conclude,
    Deny,
    FindBuild,
    Lift,
    Read,
    RecordBuild,
    Spoken,
    StatementOf,
)

__all__ = [
    "Access",
    "Admit",
    "Admitted",
    "AnyOutcome",
    "AnyRequest",
    "Approve",
    "ApproveFromGithub",
    "BootstrapGithub",
    "Conclude",
    "Deny",
    "Failed",
    "FindBuild",
    "Found",
    "GithubAccess",
    "GithubRead",
    "Keys",
    "Lift",
    "Outcome",
    "Planned",
    "Read",
    "RecordBuild",
    "Recorded",
    "Refused",
    "Request",
    "SigningKey",
    "Spoken",
    "StatementOf",
    "Text",
    "Viewed",
    "read_outcome",
    "read_request",
]

AnyRequest = Annotated[
    RecordBuild
    | FindBuild
    | Admit
    | Conclude
    | Approve
    | ApproveFromGithub
    | BootstrapGithub
    | Deny
    | Lift
    | StatementOf
    | Read,
    Field(discriminator="ask"),
]

AnyOutcome = Annotated[
    Failed | Refused | Recorded | Found | Admitted | Text | GithubRead | Planned | Viewed,
    Field(discriminator="outcome"),
]

_requests: TypeAdapter[AnyRequest] = TypeAdapter(AnyRequest)
_outcomes: TypeAdapter[AnyOutcome] = TypeAdapter(AnyOutcome)


def read_request(text: str) -> AnyRequest:
    """Read a request's JSON."""
    return _requests.validate_json(text)


def read_outcome(text: str) -> AnyOutcome:
    """Read an outcome's JSON."""
    return _outcomes.validate_json(text)
