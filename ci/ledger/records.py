"""What the ledger holds: one record for each thing that happened, in words that nobody can take back."""

import hashlib
import json
from datetime import UTC, datetime
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, AwareDatetime, Field, JsonValue, TypeAdapter

from ci.frozen import FrozenModel

Action = Literal["deploy", "rollback", "restore"]
YEARS = range(2000, 3000)
ANONYMOUS = "anonymous"


def _in_utc(time: datetime) -> datetime:
    # At the ends of time nobody can calculate with it.
    if time.year not in YEARS:
        raise ValueError("must be a time of this millennium")
    return time.astimezone(UTC)


Utc = Annotated[AwareDatetime, AfterValidator(_in_utc)]
# `sha256:…` of an image; empty where there is none.
Digest = Annotated[str, Field(pattern=r"^(sha256:[0-9a-f]{64})?$")]
# As in `[people]`: nobody else's word can make a record say it is by `--help` or by two lines.
Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._@-]{0,63}$")]
Version = Annotated[str, Field(pattern=r"^[A-Za-z0-9_][A-Za-z0-9._+-]{0,127}$")]
RecordId = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]


class Common(FrozenModel):
    """What every record says: of which app, when, by whom, and what the writer had seen before."""

    app: str
    at: Utc
    by: Name = ANONYMOUS
    # The ids of the newest records that the writer saw.
    parents: tuple[RecordId, ...] = ()


class Built(FrozenModel):
    """What is told about a build."""

    version: Version
    # `repository@sha256:…`
    image: Annotated[str, Field(pattern=r"@sha256:[0-9a-f]{64}$")]
    # The image of its integration and smoke tests, `repository@sha256:…`; empty: the service has no such tests.
    test_image: Annotated[str, Field(pattern=r"^$|@sha256:[0-9a-f]{64}$")] = ""
    # The sha256 over the sources and the settings of the build.
    inputs: str
    commit: str = ""
    # The name of the person who wrote the commit, else the e-mail; empty: unknown.
    author: str = ""
    dirty: bool = False
    tests: int = 0
    # The sha256 of the document.
    sbom: str = ""
    # An in-toto Statement with a SLSA provenance predicate.
    provenance: dict[str, JsonValue] = Field(default_factory=dict)
    # The names of the migration files, in their order.
    migrations: tuple[str, ...] = ()
    # The developers' statement that the release before works on this one's schema.
    forward_compatible: bool = True


class Build(Common, Built):
    """A version became an image; it maps to this one for ever."""

    kind: Literal["build"] = "build"

    @property
    def digest(self) -> str:
        """The image's digest, `sha256:…`."""
        return self.image.partition("@")[2]


class Stated(Common):
    """Somebody's word about one digest in one environment, signed as a text that can be signed anywhere."""

    environment: str
    version: str
    digest: Digest
    statement: str
    signature: str


class Approval(Stated):
    """Somebody approves of a release in an environment."""

    kind: Literal["approval"] = "approval"
    expires: Utc
    note: str = ""
    source: Literal["key", "github"] = "key"
    # The run of the workflow in which GitHub was told, and the login of who told it; empty: signed with a key.
    run: Annotated[str, Field(pattern=r"^[0-9]{0,20}$")] = ""
    login: Annotated[str, Field(pattern=r"^[A-Za-z0-9_\[\]-]{0,45}$")] = ""


class Denial(Stated):
    """Somebody forbids a release in an environment."""

    kind: Literal["denial"] = "denial"
    reason: str


class Lift(Stated):
    """Somebody takes the denials of a release in an environment back."""

    kind: Literal["lift"] = "lift"
    reason: str


class Start(Common):
    """A deploy was let in and is about to change its target."""

    kind: Literal["start"] = "start"
    environment: str
    action: Action
    version: str
    digest: Digest
    # Why a freeze does not hold this one.
    override: str = ""


class Stage(FrozenModel):
    """How one stage of a deploy went."""

    name: str
    ok: bool
    message: str
    seconds: float


class Ended(FrozenModel):
    """What is told about a deploy that ended."""

    environment: str
    action: Action
    # The id of its Start.
    start: RecordId
    version: str
    digest: Digest
    outcome: Literal["success", "inconclusive", "failed", "refused"]
    features: tuple[str, ...] | Literal["all"] = ()
    stages: tuple[Stage, ...] = ()
    address: str = ""


class Deploy(Common, Ended):
    """What became of a deploy."""

    kind: Literal["deploy"] = "deploy"
    # What served before; empty: nothing.
    from_version: str = ""
    from_digest: Digest = ""


class Recovery(Common):
    """What the next command found: a start without an end, or a target that serves something else than recorded."""

    kind: Literal["recovery"] = "recovery"
    environment: str
    # The id of the Start that has no end; empty: there is none.
    start: Annotated[str, Field(pattern=r"^([0-9a-f]{64})?$")] = ""
    outcome: Literal["undone", "finished", "observed"]
    # What serves; empty: nothing.
    version: str
    digest: Digest
    message: str


class Takeover(Common):
    """An expired lock was taken over."""

    kind: Literal["takeover"] = "takeover"
    environment: str
    # Whose lock it was.
    holder: str
    message: str


Record = Build | Approval | Denial | Lift | Start | Deploy | Recovery | Takeover
AnyRecord = Annotated[Record, Field(discriminator="kind")]

_records: TypeAdapter[Record] = TypeAdapter(AnyRecord)


def read_record(payload: bytes) -> Record:
    """Read a record's JSON; pydantic's ValidationError when it is none."""
    return _records.validate_json(payload)


def write(record: Record) -> bytes:
    """Write a record as the one text that stands for it: sorted keys, no spaces."""
    return _canonical(record.model_dump(mode="json"))


def id_of(payload: bytes) -> str:
    """Return the id of a record: the sha256 of its text."""
    return hashlib.sha256(payload).hexdigest()


def _canonical(value: dict[str, Any]) -> bytes:
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()
