"""Requests to the agent. A request holds no path, no socket and no rule of its caller."""

from typing import Annotated, ClassVar, Literal

from pydantic import ConfigDict, Field, TypeAdapter

from ci.delivery.request import DeliveryRequest
from ci.frozen import FrozenModel
from ci.ledger.records import BuildDescription

# The longest time that a request may name, in seconds: ten years.
LONGEST = 10 * 365 * 24 * 3600
# JSON has no infinite number.
Seconds = Annotated[float, Field(ge=0, le=LONGEST, allow_inf_nan=False)]
GithubRun = Annotated[str, Field(pattern=r"^[0-9]{0,20}$")]
# A file's name in a folder of the agent's home: no path leads out of that folder.
FileName = Annotated[str, Field(pattern=r"^[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}$")]


class Request(FrozenModel):
    """The base of every request: the parts of the outside world that it needs, and its command line."""

    # Whether the agent opens the ledger, and whether it talks to targets.
    needs_ledger: ClassVar[bool] = False
    needs_target: ClassVar[bool] = False

    @property
    def arguments(self) -> tuple[str, ...]:
        """The request as people read it on a command line, after the program's name."""
        kind = str(getattr(self, "request"))  # noqa: B009 - each kind declares it with a type of its own
        details = (str(getattr(self, name, "")) for name in ("action", "view", "environment", "version", "name"))
        return (kind, *filter(None, details))


class IdentifyCheckout(Request):
    """Name the version of the checkout in the agent's home, and find its build."""

    needs_ledger: ClassVar[bool] = True
    # Empty: the commit's tag, or the commit.
    version: str = ""


class Identify(IdentifyCheckout):
    """Identify a checkout."""

    request: Literal["identify"] = "identify"


class Prepare(IdentifyCheckout):
    """Identify a checkout that is to be deployed, if the target has every secret that its releases read."""

    request: Literal["prepare"] = "prepare"
    needs_target: ClassVar[bool] = True
    environment: str


class ReadTags(Request):
    """Read what tags name in the service's repository."""

    request: Literal["read-tags"] = "read-tags"
    needs_ledger: ClassVar[bool] = True
    tags: tuple[str, ...]


class PushArchives(Request):
    """Push the images whose archives are in the agent's home, through the daemon of an environment's target."""

    request: Literal["push"] = "push"
    needs_target: ClassVar[bool] = True
    environment: str
    # By the archive's file name: the tag.
    tags: dict[FileName, str]


class RecordBuild(Request, BuildDescription):
    """Record that a version became an image; a version that is known with the same inputs keeps its image."""

    request: Literal["record-build"] = "record-build"
    needs_ledger: ClassVar[bool] = True


class Deliver(Request, DeliveryRequest):
    """Bring a version into service; a build is recorded first."""

    request: Literal["deliver"] = "deliver"
    needs_ledger: ClassVar[bool] = True
    needs_target: ClassVar[bool] = True
    build: BuildDescription | None = None
    # The run of the GitHub workflow whose reviewers approved; empty: there is none.
    github_run: GithubRun = ""

    @property
    def arguments(self) -> tuple[str, ...]:
        """Read as `deliver dev 1.4.2`; another action than a deploy stands before the environment."""
        action = () if self.action == "deploy" else (self.action,)
        return ("deliver", *action, self.environment, *filter(None, [self.version]))


class RunTests(Request):
    """Run the environment's tests against what serves there."""

    request: Literal["test"] = "test"
    needs_ledger: ClassVar[bool] = True
    needs_target: ClassVar[bool] = True
    environment: str


class Verify(Request):
    """Watch the edge's metrics over the environment's window."""

    request: Literal["verify"] = "verify"
    needs_target: ClassVar[bool] = True
    environment: str


class LockEnvironment(Request):
    """Lock an environment for a person; what a killed run left is finished or undone first."""

    request: Literal["lock"] = "lock"
    needs_target: ClassVar[bool] = True
    environment: str
    by: str
    reason: str
    seconds: Annotated[float, Field(gt=0, le=LONGEST, allow_inf_nan=False)]


class UnlockEnvironment(Request):
    """Release an environment's lock; `force`: also the lock of a live run."""

    request: Literal["unlock"] = "unlock"
    needs_target: ClassVar[bool] = True
    environment: str
    force: bool = False


class ReadStatus(Request):
    """Describe what an environment runs."""

    request: Literal["status"] = "status"
    needs_target: ClassVar[bool] = True
    environment: str


class ReadEnvironments(Request):
    """Compare what runs in every environment with the ledger."""

    request: Literal["environments"] = "environments"
    needs_ledger: ClassVar[bool] = True
    needs_target: ClassVar[bool] = True


class ReadLedger(Request):
    """Read a view of the ledger."""

    request: Literal["read"] = "read"
    needs_ledger: ClassVar[bool] = True
    view: Literal["history", "release", "report"]
    # For `history` (empty: all of them) and `report`.
    environment: str = ""
    # For `release`; for `report`: the version whose refusals the report explains.
    version: str = ""
    # How many of the newest records a history shows; 0: all.
    limit: Annotated[int, Field(ge=0)] = 50


class Statement(Request):
    """What a person states about a release in an environment."""

    needs_ledger: ClassVar[bool] = True
    environment: str
    version: str
    # A statement that was signed elsewhere, and its signature; both empty: the agent signs.
    statement: str = ""
    signature: str = ""


class Approve(Statement):
    """Approve a release in an environment."""

    request: Literal["approve"] = "approve"
    note: str = ""
    # How long the approval counts; 0: as long as the environment allows.
    seconds: Seconds = 0


class Deny(Statement):
    """Forbid a release in an environment until the denial is lifted."""

    request: Literal["deny"] = "deny"
    # Of a statement that was signed elsewhere, its own reason counts.
    reason: str = ""


class Lift(Statement):
    """Lift the denials of a release in an environment."""

    request: Literal["lift"] = "lift"
    # Of a statement that was signed elsewhere, its own reason counts.
    reason: str = ""


class WriteStatement(Request):
    """Write the statement that a person signs elsewhere."""

    request: Literal["statement"] = "statement"
    needs_ledger: ClassVar[bool] = True
    act: Literal["approve", "deny", "lift"]
    environment: str
    version: str
    seconds: Seconds = 0
    reason: str = ""


class ApproveFromGithub(Request):
    """Record who approved a release by opening its environment for a GitHub run."""

    request: Literal["approve-from-github"] = "approve-from-github"
    needs_ledger: ClassVar[bool] = True
    environment: str
    version: str
    github_run: GithubRun = ""


class BootstrapGithub(Request):
    """Set up the repository on GitHub; without a token, describe how."""

    request: Literal["bootstrap-github"] = "bootstrap-github"
    needs_ledger: ClassVar[bool] = True


class SetSecret(Request):
    """Give a secret the value in the agent's home."""

    request: Literal["set-secret"] = "set-secret"
    needs_target: ClassVar[bool] = True
    environment: str
    name: str


class ListSecrets(Request):
    """List an environment's secrets, never a value."""

    request: Literal["list-secrets"] = "list-secrets"
    needs_target: ClassVar[bool] = True
    environment: str


class Provision(Request):
    """Make an environment's hosts ready over ssh."""

    request: Literal["provision"] = "provision"
    needs_target: ClassVar[bool] = True
    environment: str


AnyRequest = Annotated[
    Identify
    | Prepare
    | ReadTags
    | PushArchives
    | RecordBuild
    | Deliver
    | RunTests
    | Verify
    | LockEnvironment
    | UnlockEnvironment
    | ReadStatus
    | ReadEnvironments
    | ReadLedger
    | Approve
    | Deny
    | Lift
    | WriteStatement
    | ApproveFromGithub
    | BootstrapGithub
    | SetSecret
    | ListSecrets
    | Provision,
    Field(discriminator="request"),
]

# Built at first use: only the agent reads requests.
_requests: TypeAdapter[AnyRequest] = TypeAdapter(AnyRequest, config=ConfigDict(defer_build=True))


def read_request(text: str) -> AnyRequest:
    """Read a request's JSON; raises pydantic's ValidationError where it is none."""
    return _requests.validate_json(text)
