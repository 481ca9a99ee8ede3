"""The agent's responses: one kind for each kind of result."""

import json
from typing import Annotated, Any, Literal, TypeVar, cast

from pydantic import Field, TypeAdapter

from ci.agent.checkout import Checkout
from ci.analysis import Verdict
from ci.delivery.request import DeliveryReport
from ci.escaping import Line, clean_json
from ci.frozen import FrozenModel
from ci.ledger.views import EnvironmentsView, HistoryView, ReleaseView, ReportView
from ci.targets.errors import Reason
from ci.targets.target import SecretState, TargetState, TestResult


class Response(FrozenModel):
    """The base of every response: whether the work succeeded, and a sentence for people."""

    ok: bool = True
    message: str


class Failed(Response):
    """The agent could not do the work."""

    response: Literal["failed"] = "failed"
    ok: Literal[False] = False
    # What failed: a part of the outside world, the agent's home, or the request itself.
    where: Literal["target", "ledger", "home", "request"]
    reason: Reason | Literal["denied", "registry", "signing", "invalid"]


class Refused(Response):
    """Policy does not allow the work; the reasons are sentences, one for each."""

    response: Literal["refused"] = "refused"
    ok: Literal[False] = False
    reasons: tuple[Line, ...]


class Done(Response):
    """The work is done; the message is the result."""

    response: Literal["done"] = "done"


class Identified(Response):
    """The checkout's version, and the build that this run may use; `image` is empty where the run has to build."""

    response: Literal["identified"] = "identified"
    version: str
    # The sha256 over the sources and the settings of the build.
    inputs: str
    checkout: Checkout
    image: str = ""
    test_image: str = ""
    # The digests that the tags of the version's images name already, by tag.
    tags: dict[str, str] = Field(default_factory=dict)


class Tags(Response):
    """The digest that each tag names, without the tags that do not exist."""

    response: Literal["tags"] = "tags"
    digests: dict[str, str]


class Pushed(Response):
    """The images' addresses by digest, by the archives' file names."""

    response: Literal["pushed"] = "pushed"
    images: dict[str, str]


class BuildRecorded(Response):
    """The build that the version maps to for good; `existing`: an earlier run recorded it."""

    response: Literal["build-recorded"] = "build-recorded"
    version: str
    image: str
    existing: bool


class Delivered(Response):
    """How a delivery ended."""

    response: Literal["delivered"] = "delivered"
    delivery: DeliveryReport


class Tested(Response):
    """How a test run ended, and its command."""

    # Not a test class, despite its name.
    __test__ = False

    response: Literal["tested"] = "tested"
    command: tuple[str, ...]
    tests: TestResult


class Verified(Response):
    """The verdict over the window; `ok` is false when it is `fail`."""

    response: Literal["verified"] = "verified"
    verdict: Verdict


class Status(Response):
    """What an environment runs; `ok` is false when not every replica is healthy."""

    response: Literal["status"] = "status"
    state: TargetState


class EnvironmentsStatus(Response):
    """What runs in every environment: by the ledger, and by its target (or why the target does not answer)."""

    response: Literal["environments"] = "environments"
    view: EnvironmentsView
    states: dict[str, TargetState | str]
    # What is wrong with the ledger.
    problems: tuple[Line, ...] = ()


class LedgerView(Response):
    """The requested view of the ledger."""

    response: Literal["ledger"] = "ledger"
    history: HistoryView | None = None
    release: ReleaseView | None = None
    report: ReportView | None = None
    # What is wrong with the ledger.
    problems: tuple[Line, ...] = ()


class Text(Response):
    """A statement to sign, every character of it, and the command that signs it."""

    response: Literal["text"] = "text"
    text: str
    command: str


class Secrets(Response):
    """The secrets; `ok` is false when one that the settings name was never set."""

    response: Literal["secrets"] = "secrets"
    secrets: tuple[SecretState, ...]


AnyResponse = Annotated[
    Failed
    | Refused
    | Done
    | Identified
    | Tags
    | Pushed
    | BuildRecorded
    | Delivered
    | Tested
    | Verified
    | Status
    | EnvironmentsStatus
    | LedgerView
    | Text
    | Secrets,
    Field(discriminator="response"),
]


R = TypeVar("R", bound=Response)


def read_response(text: str, expected: type[R]) -> R | Refused | Failed:
    """Read a response's JSON: of the expected kind, or bad news; raises ValueError otherwise.

    The texts come from records, labels, commits and tools: they are harmless for a terminal from here on.
    """
    # Only these three: to build a validator of all kinds takes longer than to read one response.
    adapter: TypeAdapter[Any] = TypeAdapter(cast("Any", expected | Refused | Failed))
    response: R | Refused | Failed = adapter.validate_json(json.dumps(clean_json(json.loads(text))))
    return response
