"""What can be asked of the ledger."""

from typing import Annotated, Literal

from pydantic import Field

from ci.ledger.protocol.messages import Request
from ci.ledger.records import Action, Built, Digest, Ended


class RecordBuild(Request, Built):
    """Record that a version became an image; a version that is known with the same inputs keeps the one it has."""

    ask: Literal["record-build"] = "record-build"


class FindBuild(Request):
    """Look whether a version was built before, from the same inputs."""

    ask: Literal["find-build"] = "find-build"
    version: str
    # Empty: from whatever inputs.
    inputs: str = ""


class Admit(Request):
    """May this actor do this now? If so, it is recorded that it starts."""

    ask: Literal["admit"] = "admit"
    environment: str
    # Empty for a rollback: to the previous good release; for a restore: what served last.
    version: str = ""
    action: Action = "deploy"
    # Why a freeze does not hold this one.
    override: str = ""
    # Go back although the database's migrations make it unsafe.
    force: bool = False


class Conclude(Request, Ended):
    """Record how it ended, and first what the target said about what was before."""

    ask: Literal["conclude"] = "conclude"
    # What the target did about a killed run when the lock was taken.
    recovered: Literal["undone", "finished", ""] = ""
    # What served when the lock was taken; empty: nothing; None: nobody could say, because the lock was not taken.
    serving_before_digest: Digest | None = None
    serving_before_version: str = ""
    # Whose expired lock was taken over; empty: nobody's.
    took_over: str = ""


class Spoken(Request):
    """What every word about a release in an environment says."""

    environment: str
    version: str
    # A signature that was made elsewhere, and the text that was signed; both empty: sign here.
    statement: str = ""
    signature: str = ""


class Approve(Spoken):
    """Approve of a release in an environment."""

    ask: Literal["approve"] = "approve"
    note: str = ""
    # How long it is good for; 0: as long as the environment allows.
    seconds: Annotated[float, Field(ge=0)] = 0


class ApproveFromGithub(Request):
    """Record who approved of a release by opening its environment for the run that `github` names."""

    ask: Literal["approve-from-github"] = "approve-from-github"
    environment: str
    version: str


class BootstrapGithub(Request):
    """Set the repository on GitHub up; without a token, say how."""

    ask: Literal["bootstrap-github"] = "bootstrap-github"


class Deny(Spoken):
    """Forbid a release in an environment until that is lifted."""

    ask: Literal["deny"] = "deny"
    # Of a statement that was signed elsewhere, the one in it counts.
    reason: str = ""


class Lift(Spoken):
    """Take the denials of a release in an environment back."""

    ask: Literal["lift"] = "lift"
    # Of a statement that was signed elsewhere, the one in it counts.
    reason: str = ""


class StatementOf(Request):
    """Write the statement that somebody signs elsewhere."""

    ask: Literal["statement"] = "statement"
    act: Literal["approve", "deny", "lift"]
    environment: str
    version: str
    seconds: Annotated[float, Field(ge=0)] = 0
    reason: str = ""


class Read(Request):
    """Read what was recorded."""

    ask: Literal["read"] = "read"
    view: Literal["history", "release", "report", "environments"]
    # For `history` (empty: of all) and `report`.
    environment: str = ""
    # For `release`; for `report`: which one should be there, to say why it may not.
    version: str = ""
    # How many entries of a history, the newest; 0: all.
    limit: Annotated[int, Field(ge=0)] = 50
