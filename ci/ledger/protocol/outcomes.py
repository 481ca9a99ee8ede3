"""What the ledger answers."""

from typing import Literal

from ci.ledger.protocol.messages import Outcome
from ci.ledger.views import EnvironmentsView, HistoryView, ReleaseView, Report


class Failed(Outcome):
    """The request could not be carried out."""

    outcome: Literal["failed"] = "failed"
    ok: Literal[False] = False
    reason: Literal["unreachable", "denied", "registry", "signing", "invalid"]


class Refused(Outcome):
    """The rules of the release say no; the reasons are sentences, one for each."""

    outcome: Literal["refused"] = "refused"
    ok: Literal[False] = False
    reasons: tuple[str, ...]


class Recorded(Outcome):
    """It stands in the ledger."""

    outcome: Literal["recorded"] = "recorded"
    id: str
    version: str
    # Of a build: its image, `repository@sha256:…`, which is the stored one where it existed already.
    image: str = ""
    existing: bool = False


class Found(Outcome):
    """The build of a version; everything is empty when there is none."""

    outcome: Literal["found"] = "found"
    id: str = ""
    image: str = ""
    inputs: str = ""
    signed: bool = False


class Admitted(Outcome):
    """It may start, and it is recorded that it does."""

    outcome: Literal["admitted"] = "admitted"
    # The id of the Start, which the end names.
    start: str
    # Who starts it.
    by: str
    version: str
    digest: str
    # `repository@sha256:…`
    image: str
    # What serves by the ledger; empty: nothing.
    from_version: str = ""
    from_digest: str = ""
    features: tuple[str, ...] | Literal["all"] = ()
    # Whether the last word about it there is that it did well.
    proven: bool = False
    # Who approved.
    approvals: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()


class Text(Outcome):
    """A statement to sign, every character of it, and the command that does."""

    outcome: Literal["text"] = "text"
    text: str
    command: str


class GithubRead(Outcome):
    """Who approved on GitHub, and a sentence for each whose approval does not count."""

    outcome: Literal["github-read"] = "github-read"
    people: tuple[str, ...]
    others: tuple[str, ...] = ()


class Planned(Outcome):
    """How a repository on GitHub is set up, a line each, and what was changed so that it is."""

    outcome: Literal["planned"] = "planned"
    lines: tuple[str, ...]
    changes: tuple[str, ...] = ()


class Viewed(Outcome):
    """What was recorded, in the view that was asked for."""

    outcome: Literal["viewed"] = "viewed"
    history: HistoryView | None = None
    release: ReleaseView | None = None
    report: Report | None = None
    environments: EnvironmentsView | None = None
    # What is wrong with the ledger.
    problems: tuple[str, ...] = ()
