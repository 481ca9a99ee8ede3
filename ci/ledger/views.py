"""What is read out of the ledger: typed views."""

from datetime import datetime

from ci.frozen import FrozenModel


class Line(FrozenModel):
    """One record, and what people are told about it."""

    id: str
    at: datetime
    kind: str
    by: str
    # Whether a valid signature of the person it is by covers it.
    signed: bool
    environment: str
    version: str
    digest: str
    text: str


class HistoryView(FrozenModel):
    """What happened, the newest first."""

    lines: tuple[Line, ...]


class ReleaseView(FrozenModel):
    """A release's whole story: how it was built, who said what about it, and where it ran, the oldest first."""

    version: str
    image: str
    digest: str
    built: datetime
    by: str
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
    words: tuple[Line, ...]
    runs: tuple[Line, ...]
    # The environments that it serves now, by the ledger.
    serves: tuple[str, ...]
    markdown: str


class Serving(FrozenModel):
    """What an environment serves by the ledger; empty: nothing."""

    environment: str
    version: str = ""
    digest: str = ""
    since: datetime | None = None
    by: str = ""
    # Whether a valid signature of the person it is by covers the record that says so.
    proven: bool = False
    # That of the deploy or of the recovery.
    outcome: str = ""
    # Deploys that have no end yet.
    under_way: tuple[Line, ...] = ()


class EnvironmentsView(FrozenModel):
    """What every environment serves by the ledger, in the order of promotion."""

    environments: tuple[Serving, ...]


class Report(FrozenModel):
    """An environment's latest deploy, also one that failed or has no end."""

    environment: str
    version: str
    digest: str
    outcome: str
    started: datetime
    ended: datetime | None
    by: str
    markdown: str
