"""What a target answers to one phase."""

from typing import Literal

from pydantic import Field

from ci.analysis import Verdict
from ci.targets.errors import Reason
from ci.targets.protocol.messages import Message, Outcome


class Failed(Outcome):
    """The phase could not be carried out: the target cannot be reached, refuses, or lacks something."""

    outcome: Literal["failed"] = "failed"
    ok: Literal[False] = False
    reason: Reason


class Check(Message):
    """One thing that was looked at, and what to do when it is wrong."""

    name: str
    ok: bool
    detail: str


class Checked(Outcome):
    """What the preflight found."""

    outcome: Literal["checked"] = "checked"
    checks: tuple[Check, ...]


class Pushed(Outcome):
    """The image is in the registry."""

    outcome: Literal["pushed"] = "pushed"
    # `repository@sha256:…`
    image: str
    digest: str


class Locked(Outcome):
    """The lock is held; the token opens it."""

    outcome: Literal["locked"] = "locked"
    token: str
    # What was done about a killed run: "", "undone" or "finished".
    recovered: Literal["", "undone", "finished"] = ""
    # Whose lock was taken over, in words: its time was over, or its run dead.
    took_over: str = ""


class Unlocked(Outcome):
    """The lock is open."""

    outcome: Literal["unlocked"] = "unlocked"
    # Who held it, in words; empty: nobody did.
    held_by: str = ""


class Started(Outcome):
    """What became of the candidate; it is gone when it is unhealthy."""

    outcome: Literal["started"] = "started"
    status: Literal["healthy", "unchanged", "unhealthy"]
    release: str
    # What serves the users meanwhile, if anything does.
    serving: str
    seconds: float
    # The last lines of the replicas that failed.
    logs: str = ""


class Proved(Outcome):
    """What the command said."""

    outcome: Literal["proved"] = "proved"
    status: Literal["passed", "failed", "timeout"]
    exit_code: int
    output: str
    seconds: float
    # Those of the asked-for files that are there, by path.
    files: dict[str, str] = Field(default_factory=dict)


class Switched(Outcome):
    """Which release serves now, and which did before."""

    outcome: Literal["switched"] = "switched"
    serving: str
    before: str
    # Where people reach it.
    address: str
    seconds: float


class Watched(Outcome):
    """The verdict; `ok` is false when it is `fail`."""

    outcome: Literal["watched"] = "watched"
    verdict: Verdict
    # How many of the requests were the pipeline's own.
    own_requests: int = 0


class Measured(Outcome):
    """The edge's metrics since it started, in Prometheus' text format, one text for each replica of the edge."""

    outcome: Literal["measured"] = "measured"
    texts: tuple[str, ...]


class Retired(Outcome):
    """Which release is kept, and which are gone."""

    outcome: Literal["retired"] = "retired"
    kept: str = ""
    removed: tuple[str, ...] = ()


class Discarded(Outcome):
    """The candidate is gone."""

    outcome: Literal["discarded"] = "discarded"


class Recovered(Outcome):
    """What was done about a killed run."""

    outcome: Literal["recovered"] = "recovered"
    action: Literal["nothing", "undone", "finished"]


class Removed(Outcome):
    """The stack is gone."""

    outcome: Literal["removed"] = "removed"
