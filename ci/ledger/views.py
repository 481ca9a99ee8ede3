"""Typed views of the ledger."""

from datetime import datetime
from typing import Literal

from ci.frozen import FrozenModel
from ci.ledger.records import Resolution
from ci.outcome import Outcome


class HistoryLine(FrozenModel):
    """One record, and its description on one line."""

    id: str
    at: datetime
    kind: str
    actor: str
    # Whether the actor's valid signature covers the record.
    signed: bool
    environment: str
    version: str
    digest: str
    text: str


class HistoryView(FrozenModel):
    """The records, the newest first."""

    lines: tuple[HistoryLine, ...]


class ReleaseView(FrozenModel):
    """A version: its build, the statements about it, and its deliveries, the oldest first."""

    version: str
    image: str
    digest: str
    test_image: str
    built: datetime
    actor: str
    author: str
    commit: str
    dirty: bool
    inputs: str
    tests: int
    sbom: str
    # An in-toto Statement, as JSON.
    provenance: str
    migrations: tuple[str, ...]
    forward_compatible: bool
    statements: tuple[HistoryLine, ...]
    deliveries: tuple[HistoryLine, ...]
    # The environments in which the version is the current release by the ledger.
    serves: tuple[str, ...]
    markdown: str


class EnvironmentView(FrozenModel):
    """An environment's current release by the ledger; the fields are empty where nothing serves."""

    environment: str
    version: str = ""
    digest: str = ""
    since: datetime | None = None
    actor: str = ""
    # Whether the actor's valid signature covers the record that made the release current.
    signed: bool = False
    # How the delivery that made the release current ended; empty: a change by hand did.
    outcome: Outcome | Literal[""] = ""
    # What a recovery did where it made the release current; empty: a delivery did.
    resolution: Resolution | Literal[""] = ""
    # Deliveries without an end.
    open_deliveries: tuple[HistoryLine, ...] = ()


class EnvironmentsView(FrozenModel):
    """The environments, in the order of promotion."""

    environments: tuple[EnvironmentView, ...]


class ReportView(FrozenModel):
    """An environment's latest delivery, also one that failed or has no end."""

    environment: str
    version: str
    digest: str
    outcome: Outcome
    started: datetime
    ended: datetime | None
    actor: str
    markdown: str
