"""The records of the ledger: one for each event, and never changed."""

import hashlib
import json
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, AwareDatetime, ConfigDict, Field, JsonValue

from ci.frozen import FrozenModel
from ci.outcome import Outcome

# The version of the record format. A reader refuses any other.
SCHEMA: Literal[2] = 2
Action = Literal["deploy", "rollback", "restore"]
# What the next command did about a delivery that was killed, or found on the target.
Resolution = Literal["undone", "finished", "observed"]
YEARS = range(2000, 3000)
ANONYMOUS = "anonymous"
# How far the clocks of writers may be ahead of this one.
AHEAD = timedelta(minutes=10)


def _in_utc(time: datetime) -> datetime:
    # Arithmetic with times near datetime's limits fails.
    if time.year not in YEARS:
        raise ValueError("must be a time of this millennium")
    return time.astimezone(UTC)


Utc = Annotated[AwareDatetime, AfterValidator(_in_utc)]
# `sha256:…` of an image; empty where there is none.
Digest = Annotated[str, Field(pattern=r"^(sha256:[0-9a-f]{64})?$")]
# The same pattern as in `[people]`: a name must not look like a flag or fill two lines.
Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._@-]{0,63}$")]
Version = Annotated[str, Field(pattern=r"^[A-Za-z0-9_][A-Za-z0-9._+-]{0,127}$")]
RecordId = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
# `repository@sha256:…`
Image = Annotated[str, Field(pattern=r"@sha256:[0-9a-f]{64}$")]


class RecordBase(FrozenModel):
    """The fields of every record."""

    # Written as `schema`: a field of that name would hide a method of pydantic's.
    model_config = ConfigDict(validate_by_name=True, validate_by_alias=True, serialize_by_alias=True)

    record_schema: Literal[2] = Field(default=SCHEMA, alias="schema")
    app: str
    at: Utc
    actor: Name = ANONYMOUS
    # The IDs of the newest records that the writer had read.
    parents: tuple[RecordId, ...] = ()


class BuildDescription(FrozenModel):
    """How an image was built, and the facts about it that policy needs."""

    version: Version
    image: Image
    # The image of its integration and smoke tests, `repository@sha256:…`; empty: the service has no such tests.
    test_image: Image | Literal[""] = ""
    # The sha256 over the sources and the settings of the build.
    inputs: str
    commit: str = ""
    # The person who wrote the commit, else the commit's e-mail address; empty: unknown.
    author: str = ""
    dirty: bool = False
    tests: int = 0
    # The sha256 of the document.
    sbom: str = ""
    # An in-toto Statement with a SLSA provenance predicate.
    provenance: dict[str, JsonValue] = Field(default_factory=dict)
    # The names of the migration files, in their order.
    migrations: tuple[str, ...] = ()
    # Whether the developers declare that the previous release works on this one's schema.
    forward_compatible: bool = True


class Build(RecordBase, BuildDescription):
    """A version was built; the version maps to this image for good."""

    kind: Literal["build"] = "build"

    @property
    def digest(self) -> str:
        """The image's digest, `sha256:…`."""
        return self.image.partition("@")[2]


class StatementRecord(RecordBase):
    """A person's signed statement about one digest in one environment."""

    environment: str
    version: str
    digest: Digest
    # The text that was signed, and the armored signature.
    statement: str
    signature: str


class Approval(StatementRecord):
    """A person approves a release in an environment."""

    kind: Literal["approval"] = "approval"
    expires: Utc
    note: str = ""
    source: Literal["key", "github"] = "key"
    # The GitHub run with the review, and the reviewer's login; empty: signed with a key.
    run: Annotated[str, Field(pattern=r"^[0-9]{0,20}$")] = ""
    login: Annotated[str, Field(pattern=r"^[A-Za-z0-9_\[\]-]{0,45}$")] = ""


class Denial(StatementRecord):
    """A person forbids a release in an environment."""

    kind: Literal["denial"] = "denial"
    reason: str


class Lift(StatementRecord):
    """A person lifts the denials of a release in an environment."""

    kind: Literal["lift"] = "lift"
    reason: str


class DeliveryStart(RecordBase):
    """Policy allowed a delivery, which is about to change its target."""

    kind: Literal["delivery-start"] = "delivery-start"
    environment: str
    action: Action
    version: str
    digest: Digest
    # Why a freeze window does not stop this delivery.
    override: str = ""


class Stage(FrozenModel):
    """How one stage of a delivery went."""

    name: str
    ok: bool
    message: str
    seconds: float


class DeliveryResult(FrozenModel):
    """How a delivery ended."""

    environment: str
    action: Action
    # The ID of its DeliveryStart.
    start: RecordId
    version: str
    digest: Digest
    outcome: Outcome
    features: tuple[str, ...] | Literal["all"] = ()
    stages: tuple[Stage, ...] = ()
    address: str = ""

    def passed_stage(self, name: str) -> bool:
        """Return whether the delivery reached a stage and the stage went well."""
        return any(stage.name == name and stage.ok for stage in self.stages)


class DeliveryEnd(RecordBase, DeliveryResult):
    """A delivery ended."""

    kind: Literal["delivery-end"] = "delivery-end"
    # The release that served when the delivery began; empty: none.
    previous_version: str = ""
    previous_digest: Digest = ""


class Recovery(RecordBase):
    """The next command found a delivery without an end, or another release on the target than recorded."""

    kind: Literal["recovery"] = "recovery"
    environment: str
    # The ID of the DeliveryStart that has no end; empty: there is none.
    start: Annotated[str, Field(pattern=r"^([0-9a-f]{64})?$")] = ""
    resolution: Resolution
    # The release that serves now; empty: none.
    version: str
    digest: Digest
    message: str


class LockTakeover(RecordBase):
    """A run took over an expired lock."""

    kind: Literal["lock-takeover"] = "lock-takeover"
    environment: str
    # The actor whose lock had expired.
    previous_actor: str
    message: str


class UnknownRecord(RecordBase):
    """A record of a kind that this version does not know: it is kept and listed, and does not count."""

    kind: str
    environment: str = ""


KnownRecord = Build | Approval | Denial | Lift | DeliveryStart | DeliveryEnd | Recovery | LockTakeover
Record = KnownRecord | UnknownRecord


def serialize_record(record: Record) -> bytes:
    """Write a record as its canonical text: JSON with sorted keys and without spaces."""
    value: dict[str, Any] = record.model_dump(mode="json")
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def record_id(payload: bytes) -> str:
    """Return the ID of a record: the sha256 of its canonical text."""
    return hashlib.sha256(payload).hexdigest()
